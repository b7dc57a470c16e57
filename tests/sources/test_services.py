import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from sources.readers import http
from tests.sources.conftest import Source
from warehouse.errors import SourceError

ENTRY: dict[str, Any] = {
    "description": "A call centre.",
    "reader": "rest",
    "tables": [
        {
            "name": "cases", "endpoint": "/v1/cases", "records": "data",
            "paging": {"parameter": "cursor", "next": "next_cursor", "page_size": 3},
            "since": "updated_since", "until": "updated_before", "look_back_hours": 24,
            "key": ["case_id"], "cursor": "updated_at", "mode": "upsert",
            "fresh_within_hours": 24, "required": True,
            "columns": {"case_id": "bigint", "topic": "text", "updated_at": "timestamptz"},
        },
        {
            "name": "staffing", "endpoint": "/v1/staffing", "records": "data",
            "key": ["department"], "cursor": "updated_at", "mode": "upsert",
            "fresh_within_hours": 24, "required": False,
            "columns": {"department": "text", "agents": "bigint", "updated_at": "timestamptz"},
        },
    ],
}  # fmt: skip
Fault = Callable[["Handler", int, bytes], bytes | None]


class Centre:
    """A call centre's service.

    Attributes:
        fault: may answer in its place, or change the answer; called with the request's number.
    """

    def __init__(self) -> None:
        self.cases = [
            {"case_id": n, "topic": f"topic {n}", "updated_at": f"2024-01-{n + 1:02}T12:00:00Z"}
            for n in range(1, 9)
        ]
        self.staffing: list[dict[str, Any]] = [
            {"department": "a", "agents": 2, "updated_at": "2024-01-01T00:00:00Z"},
            {"department": "b", "agents": "many", "updated_at": "2024-01-01T00:00:00Z"},
        ]
        self.asked: list[str] = []
        self.fault: Fault = lambda _, __, body: body

    def answer(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        if path == "/v1/staffing":
            return {"data": self.staffing}
        since, until = query.get("updated_since", ""), query["updated_before"]
        found = [case for case in self.cases if since <= str(case["updated_at"]) < until]
        first, size = int(query.get("cursor", 0)), int(query["limit"])
        more = str(first + size) if first + size < len(found) else None
        return {"data": found[first : first + size], "next_cursor": more}


class Handler(BaseHTTPRequestHandler):
    centre: Centre

    def do_GET(self) -> None:
        centre = self.centre
        centre.asked.append(self.path)
        if self.headers["Authorization"] != "Bearer secret-token":
            self.give(401, b"{}")
            return
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = json.dumps(centre.answer(parts.path, query)).encode()
        changed = centre.fault(self, len(centre.asked), body)
        if changed is not None:
            self.give(200, changed)

    def give(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def centre(monkeypatch: pytest.MonkeyPatch) -> Iterator[Centre]:
    found = Centre()
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), type("CentreHandler", (Handler,), {"centre": found})
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    monkeypatch.setenv("SOURCE_STOCK_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("SOURCE_STOCK_TOKEN", "secret-token")
    monkeypatch.setattr(http, "FIRST_WAIT_SECONDS", 0.01)
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def source(stock: Callable[[dict[str, Any]], Source], centre: Centre) -> Source:
    assert centre
    return stock(ENTRY)


def test_what_is_new_is_asked_for_page_by_page_and_nothing_is_doubled(
    source: Source, centre: Centre
) -> None:
    assert source.load(date(2024, 1, 5)) == 4 + 1
    assert "updated_since" not in centre.asked[0]
    assert "updated_before=2024-01-06T05%3A00%3A00Z" in centre.asked[0]
    assert source.query("select reason, raw_row ->> 'text' from quarantine.rejected_rows") == [
        ("/v1/staffing: agents is no bigint", json.dumps(centre.staffing[1]))
    ]
    assert source.query("select * from raw_stock.cases order by case_id")[0][:4] == (
        1, "topic 1", datetime(2024, 1, 2, 12, tzinfo=UTC), None,
    )  # fmt: skip
    centre.cases[0] |= {"updated_at": "2024-01-06T01:00:00Z", "mood": "{{ angry }}"}
    centre.cases.append({"case_id": 99, "topic": "late", "updated_at": "2024-01-04T13:00:00Z"})
    assert source.load(date(2024, 1, 31)) == 1 + 4 + 1
    assert "updated_since=2024-01-04T12%3A00%3A00Z" in centre.asked[3]
    assert source.load(date(2024, 1, 31)) == 0
    assert source.query("select count(*), count(distinct _dlt_id) from raw_stock.cases") == [
        (10, 10)
    ]
    assert source.query("select _extra from raw_stock.cases where _extra is not null") == [
        ('{"mood": "{{ angry }}"}',)
    ]
    assert source.query("select column_name from ops.schema_changes") == [("mood",)]
    # The row that was rejected before is neither read nor rejected again.
    assert source.query("select sum(rows_read), sum(rows_rejected) from ops.loads") == [(12, 1)]


def fails_twice(fault: Callable[[Handler, bytes], None]) -> Fault:
    """Lets every page fail twice before it is answered."""
    failures: dict[str, int] = {}

    def fail(handler: Handler, _: int, body: bytes) -> bytes | None:
        failures[handler.path] = failures.get(handler.path, 0) + 1
        if failures[handler.path] > 2:
            return body
        fault(handler, body)
        return None

    return fail


def cut_off(handler: Handler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


FAULTS: dict[str, Callable[[Handler, bytes], None]] = {
    "limited": lambda handler, _: handler.give(429, b"slow down", Retry_After="0"),
    "failing": lambda handler, _: handler.give(500, b"<html>"),
    "cut off": cut_off,
    "truncated": lambda handler, body: handler.give(200, body[: len(body) // 2]),
    "hung up": lambda handler, _: handler.connection.close(),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_that_pass_lose_and_double_nothing(
    fault: str, source: Source, centre: Centre
) -> None:
    centre.fault = fails_twice(FAULTS[fault])
    assert source.load() == 9
    assert source.query("select array_agg(case_id order by case_id) from raw_stock.cases") == [
        (list(range(1, 9)),)
    ]


def refused(source: Source, message: str) -> None:
    """Checks that a load is refused, and that nothing of it stays."""
    with pytest.raises(SourceError, match=message) as caught:
        source.load()
    assert "secret-token" not in str(caught.value)
    assert source.query("select count(*) from raw_stock.cases") == [(0,)]
    assert source.query("select count(*) from ops.loads") == [(0,)]


def test_a_fault_that_does_not_pass_ends_the_load_after_a_few_tries(
    source: Source, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    centre.fault = lambda handler, _, __: handler.give(503, b"")
    refused(source, r"127.0.0.1:\d+/v1/cases answers 503, 6 times")
    assert len(centre.asked) == http.ATTEMPTS
    centre.fault = lambda handler, _, __: handler.give(429, b"", Retry_After="3600")
    refused(source, "answers 429 and asks to wait 3600 seconds")
    centre.fault = lambda handler, _, __: handler.give(404, b"")
    refused(source, "/v1/cases answers 404.*Correct the endpoint in stock.yml")
    centre.fault = lambda handler, _, __: handler.give(302, b"", Location="/elsewhere")
    refused(source, "/v1/cases answers 302")
    centre.fault = lambda _, __, ___: b'{"rows": []}'
    refused(source, "/v1/cases holds no list in data")
    monkeypatch.setenv("SOURCE_STOCK_TOKEN", "wrong")
    refused(source, "refuses us: 401.*Correct SOURCE_STOCK_TOKEN")
    monkeypatch.setenv("SOURCE_STOCK_URL", "file:///tmp")
    refused(source, "SOURCE_STOCK_URL is not the URL of a service")


def test_a_service_that_does_not_answer_in_time_is_given_up(
    source: Source, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def hang(*_: Any) -> None:
        released.wait(10)

    centre.fault = hang
    monkeypatch.setattr(http, "READ_SECONDS", 0.05)
    refused(source, "does not answer: ReadTimeout, 6 times")
    released.set()


def with_next(body: bytes, cursor: str) -> bytes:
    return json.dumps({**json.loads(body), "next_cursor": cursor}).encode()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda _, __, body: with_next(body, "3"), "cursor a second time"),
        (lambda _, number, __: page(number, 1), "a page without anything new"),
        (lambda _, number, __: with_next(b'{"data": []}', str(number)), "without anything new"),
    ],
)
def test_pages_without_end_are_recognised(
    fault: Fault, message: str, source: Source, centre: Centre
) -> None:
    centre.fault = fault
    refused(source, f"/v1/cases hands out .*{message}")
    assert len(centre.asked) < 5


def page(number: int, case: int) -> bytes:
    row = {"case_id": case, "updated_at": "2024-01-02T00:00:00Z"}
    return json.dumps({"data": [row], "next_cursor": str(number)}).encode()


def test_pages_that_overlap_give_each_row_once(source: Source, centre: Centre) -> None:
    rows = [{"case_id": n, "updated_at": f"2024-01-02T00:00:{n:02}Z"} for n in range(6)]
    centre.fault = lambda handler, number, body: (
        body
        if "staffing" in handler.path
        else json.dumps(
            {"data": rows[number - 1 : number + 2], "next_cursor": str(number) * (number < 4)}
        ).encode()
    )
    assert source.load() == 6 + 1


def test_a_pause_named_as_a_moment_is_counted_on_the_clock_of_the_service() -> None:
    date = {"Date": "Wed, 01 Jan 2020 00:00:00 GMT"}
    asked_for = http._asked_for
    assert asked_for({**date, "Retry-After": "Wed, 01 Jan 2020 00:00:07 GMT"}) == 7
    assert asked_for({**date, "Retry-After": "3"}) == 3
    assert asked_for({"Retry-After": "Wed, 01 Jan 2020 00:00:07 GMT"}) is None
    assert asked_for({}) is None
