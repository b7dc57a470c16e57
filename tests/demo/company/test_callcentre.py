import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import requests

from demo.company.systems import callcentre
from demo.company.systems.callcentre import CallCentre
from demo.company.tables import CALLCENTRE

DAY = date(2024, 1, 1)
START = datetime(2024, 1, 1, tzinfo=UTC)
CASES = 250


def cases(first: int, count: int, updated_at: datetime) -> pa.Table:
    """Returns cases of which always five were updated at the same instant."""
    numbers = range(first, first + count)
    columns = {
        "case_id": list(numbers),
        "caller_name": ["김민수"] * count,
        "updated_at": [updated_at + timedelta(microseconds=number // 5) for number in numbers],
    }
    rows = pa.table(columns)
    return pa.table(
        {
            field.name: rows[field.name].cast(field.type)
            if field.name in columns
            else pa.nulls(count, field.type)
            for field in CALLCENTRE["cases"]
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a running call centre with 250 cases."""
    place = tmp_path_factory.mktemp("call centre")
    system = CallCentre(place)
    system.take({DAY: {"callcentre.cases": cases(1, CASES, START)}})
    system.address()
    yield place
    callcentre.stop(place)


class Client:
    def __init__(self, folder: Path) -> None:
        addresses = CallCentre(folder).address()
        self.url = addresses["SOURCE_CALLCENTRE_URL"]
        self.headers = {"Authorization": f"Bearer {addresses['SOURCE_CALLCENTRE_TOKEN']}"}

    def get(self, path: str = "/v1/cases", **query: Any) -> requests.Response:
        return requests.get(self.url + path, params=query, headers=self.headers, timeout=5)

    def all_pages(self, **query: Any) -> list[list[int]]:
        pages: list[list[int]] = []
        cursor = None
        while not pages or cursor:
            assert len(pages) < 20
            answer = self.get(**query, cursor=cursor).json()
            pages.append([row["case_id"] for row in answer["data"]])
            cursor = answer["next_cursor"]
        return pages


@pytest.fixture
def client(folder: Path) -> Iterator[Client]:
    callcentre.set_faults(folder, {"requests_per_second": 1000})
    yield Client(folder)
    callcentre.set_faults(folder, {})


def test_pages_hold_every_case_once_in_order_though_instants_are_shared(client: Client) -> None:
    pages = client.all_pages(limit=33)
    assert [len(page) for page in pages] == [33] * 7 + [19]
    assert [case for page in pages for case in page] == list(range(1, CASES + 1))


def test_a_last_page_that_is_full_leads_nowhere(client: Client) -> None:
    assert [len(page) for page in client.all_pages(limit=125)] == [125, 125]


def test_the_time_asked_for_includes_its_start_and_not_its_end(client: Client) -> None:
    since, before = START + timedelta(microseconds=2), START + timedelta(microseconds=4)
    pages = client.all_pages(updated_since=since.isoformat(), updated_before=before.isoformat())
    assert pages == [list(range(10, 20))]


def test_a_row_is_answered_with_all_its_columns_and_times_as_text(client: Client) -> None:
    row = client.get(limit=1).json()["data"][0]
    assert list(row) == CALLCENTRE["cases"].names
    assert row["caller_name"] == "김민수"
    assert row["updated_at"] == "2024-01-01T00:00:00.000000Z"
    assert row["resolved_at"] is None


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 501},
        {"limit": "x"},
        {"cursor": "x"},
        {"updated_since": "2024-01-01"},
    ],
)
def test_what_cannot_be_understood_is_a_bad_request(client: Client, query: dict[str, Any]) -> None:
    answer = client.get(**query)
    assert answer.status_code == 400
    assert next(iter(query)) in answer.json()["error"]


def test_nothing_is_answered_without_the_token(client: Client) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        assert requests.get(f"{client.url}/v1/cases", headers=headers, timeout=5).status_code == 401


def test_more_requests_than_allowed_are_sent_away_for_a_second(
    client: Client, folder: Path
) -> None:
    callcentre.set_faults(folder, {"requests_per_second": 3})
    answers = [client.get(limit=1) for _ in range(12)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    time.sleep(int(refused[0].headers["Retry-After"]))
    assert client.get(limit=1).status_code == 200


def test_staffing_comes_in_one_page(client: Client, folder: Path) -> None:
    months = pa.table(
        {
            "department": ["배송", "환불"],
            "month": pa.array([DAY, DAY], pa.date32()),
            "agents": [3, 4],
            "hours": [480, 640],
            "updated_at": pa.array([START, START], pa.timestamp("us", "UTC")),
        }
    )
    CallCentre(folder).take({DAY + timedelta(days=1): {"callcentre.staffing": months}})
    answer = client.get("/v1/staffing").json()
    assert [(row["department"], row["month"]) for row in answer["data"]] == [
        ("배송", "2024-01-01"), ("환불", "2024-01-01"),
    ]  # fmt: skip
    assert answer["next_cursor"] is None


def test_a_changed_case_is_answered_in_its_new_place_alone(tmp_path: Path) -> None:
    system = CallCentre(tmp_path)
    system.take({DAY: {"callcentre.cases": cases(1, 10, START)}})
    later = START + timedelta(days=1)
    system.take({DAY + timedelta(days=1): {"callcentre.cases": cases(3, 1, later)}})
    client = Client(tmp_path)
    try:
        assert client.all_pages() == [[1, 2, 4, 5, 6, 7, 8, 9, 10, 3]]
        assert client.all_pages(updated_since=later.isoformat()) == [[3]]
    finally:
        callcentre.stop(tmp_path)


def test_each_fault_shows_and_ends_with_its_switch(client: Client, folder: Path) -> None:
    def switch(**faults: int | bool) -> None:
        callcentre.set_faults(folder, {"requests_per_second": 1000, **faults})

    switch(error_every=2)
    assert sorted(client.get(limit=1).status_code for _ in range(4)) == [200, 200, 500, 500]
    switch(truncate_every=1)
    with pytest.raises(requests.exceptions.JSONDecodeError):
        client.get(limit=1).json()
    switch(timeout_every=1, timeout_seconds=6)
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(f"{client.url}/v1/cases", headers=client.headers, timeout=0.2)
    switch(is_down=True)
    with pytest.raises(requests.exceptions.ConnectionError):
        client.get(limit=1)
    switch(repeat_page=True)
    assert [page[0] for page in client.all_pages(limit=100)] == [1, 1, 101, 101, 201]
    switch(loop_cursor=True)
    first = client.get(limit=100).json()
    again = client.get(limit=100, cursor=first["next_cursor"]).json()
    assert again == first
    switch()
    assert [page[0] for page in client.all_pages(limit=100)] == [1, 101, 201]


def test_it_starts_once_keeps_its_port_and_stops(tmp_path: Path) -> None:
    first = CallCentre(tmp_path).address()
    try:
        assert CallCentre(tmp_path).address() == first
        assert callcentre.is_up(tmp_path)
        assert callcentre.stop(tmp_path)
        assert not callcentre.is_up(tmp_path)
        assert not callcentre.stop(tmp_path)
        assert CallCentre(tmp_path).address() == first
        assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    finally:
        callcentre.stop(tmp_path)
