"""What the client of Airflow's API does when Airflow answers that it failed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from warehouse.airflow import api
from warehouse.errors import WarehouseError
from warehouse.settings import Settings


@contextmanager
def _answering(*states: int) -> Iterator[tuple[int, list[str]]]:
    """Serves the states one after the other, the last for good; yields its port and what came."""
    came: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PATCH(self) -> None:
            came.append(self.command)
            self.send_response(states[min(len(came), len(states)) - 1])
            self.end_headers()
            self.wfile.write(b"{}")

        def do_POST(self) -> None:
            self.do_PATCH()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port, came
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[api.Api, list[str]]]:
    """A client that is logged in at a server that fails twice."""
    monkeypatch.setattr(api, "_PAUSES_SECONDS", (0.01, 0.01, 0.01))
    with _answering(500, 500, 200) as (port, came):
        settings = Settings(_env_file=None, living_crm_home=tmp_path, airflow_port=port)  # type: ignore[call-arg]
        found = api.Api(settings)
        found._token = "logged in"
        yield found, came


def test_a_change_that_airflow_failed_at_is_asked_for_again(
    client: tuple[api.Api, list[str]],
) -> None:
    assert client[0].patch("/dags/a_dag", {"is_paused": False}) == {}
    assert client[1] == ["PATCH", "PATCH", "PATCH"]


def test_what_would_be_done_twice_is_not_asked_for_again(
    client: tuple[api.Api, list[str]],
) -> None:
    with pytest.raises(WarehouseError, match="refused POST"):
        client[0].post("/dags/a_dag/dagRuns", {})
    assert client[1] == ["POST"]
