"""The call centre's REST service: `python -m demo.company.systems.callcentre_service FOLDER`.

`GET /v1/cases?updated_since=&updated_before=&cursor=&limit=` answers a page of the cases updated in
that time (from the first instant on, before the second), oldest update first, as
`{"data": [...], "next_cursor": "..." or null}`. `GET /v1/staffing` answers all months in one page.
Both want a bearer token. More requests in a second than allowed are answered 429.
"""

import base64
import binascii
import json
import sqlite3
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ConfigDict
from typing_extensions import override

DEFAULT_LIMIT = 100
MAX_LIMIT = 500


class Faults(BaseModel):
    """What `faults.json` in the service's folder may ask for; an every of 0 is never.

    Attributes:
        error_every: each nth answer is a 500.
        timeout_every: each nth answer comes after `timeout_seconds`.
        truncate_every: each nth answer ends half way.
        repeat_page: a page's cursor leads to the same page once more, then on.
        loop_cursor: a page's cursor leads to the same page for ever.
        is_down: every connection is closed without an answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    requests_per_second: int = 20
    error_every: int = 0
    timeout_every: int = 0
    timeout_seconds: int = 60
    truncate_every: int = 0
    repeat_page: bool = False
    loop_cursor: bool = False
    is_down: bool = False


class BadRequest(Exception):
    """The request cannot be understood; the text says why."""


class Service(ThreadingHTTPServer):
    """Counts the requests, which all threads share."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.folder = folder
        self.token = (folder / "token").read_text()
        self._lock = threading.Lock()
        self._second = 0
        self._in_this_second = 0
        self._answers = 0

    def faults(self) -> Faults:
        """Returns how the service has to misbehave just now."""
        try:
            return Faults.model_validate_json((self.folder / "faults.json").read_bytes())
        except FileNotFoundError:
            return Faults()

    def admits(self, requests_per_second: int) -> bool:
        """Tells whether one more request fits into this second."""
        with self._lock:
            second = int(time.monotonic())
            if second != self._second:
                self._second, self._in_this_second = second, 0
            self._in_this_second += 1
            return self._in_this_second <= requests_per_second

    def next_number(self) -> int:
        """Returns the number of this answer, from 1 on."""
        with self._lock:
            self._answers += 1
            return self._answers


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    server: Service

    def do_GET(self) -> None:
        """Answers, unless the service is down."""
        faults = self.server.faults()
        if faults.is_down:
            self.close_connection = True
            return
        if self.headers.get("Authorization") != f"Bearer {self.server.token}":
            self._answer(HTTPStatus.UNAUTHORIZED, '{"error": "a bearer token is needed"}')
        elif not self.server.admits(faults.requests_per_second):
            error = '{"error": "too many requests"}'
            self._answer(HTTPStatus.TOO_MANY_REQUESTS, error, {"Retry-After": "1"})
        else:
            self._answer_in_spite_of(faults)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing: an address may hold a cursor or a time somebody asked for."""

    def _answer_in_spite_of(self, faults: Faults) -> None:
        number = self.server.next_number()
        if _is_nth(number, faults.error_every):
            self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, '{"error": "internal"}')
            return
        if _is_nth(number, faults.timeout_every):
            time.sleep(faults.timeout_seconds)
        status, body = self._body(faults)
        if _is_nth(number, faults.truncate_every):
            body = body[: len(body) // 2]
        self._answer(status, body)

    def _body(self, faults: Faults) -> tuple[HTTPStatus, str]:
        address = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        # A connection of its own for each request: SQLite's belong to one thread.
        store = f"{(self.server.folder / 'cases.sqlite').as_uri()}?mode=ro"
        with closing(sqlite3.connect(store, uri=True)) as connection:
            try:
                if address.path == "/v1/cases":
                    return HTTPStatus.OK, cases_page(connection, query, faults)
                if address.path == "/v1/staffing":
                    return HTTPStatus.OK, staffing_page(connection)
            except BadRequest as error:
                return HTTPStatus.BAD_REQUEST, json.dumps({"error": str(error)})
        return HTTPStatus.NOT_FOUND, '{"error": "there are /v1/cases and /v1/staffing"}'

    def _answer(self, status: HTTPStatus, body: str, headers: dict[str, str] | None = None) -> None:
        content = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def cases_page(connection: sqlite3.Connection, query: dict[str, str], faults: Faults) -> str:
    """Returns one page of cases as JSON.

    Raises:
        BadRequest: a parameter cannot be understood.
    """
    since = _instant(query, "updated_since", "")
    before = _instant(query, "updated_before", "9999")
    limit = _limit(query.get("limit", str(DEFAULT_LIMIT)))
    after, repeated = _after(query["cursor"]) if "cursor" in query else (("", 0), False)
    rows = connection.execute(
        "select updated_at, case_id, body from cases"
        " where updated_at >= ? and updated_at < ? and (updated_at, case_id) > (?, ?)"
        " order by updated_at, case_id limit ?",
        (since, before, *after, limit + 1),
    ).fetchall()
    page, more = rows[:limit], len(rows) > limit
    next_cursor = None
    if more and (faults.loop_cursor or (faults.repeat_page and not repeated)):
        next_cursor = _cursor(after, repeated=True)
    elif more:
        next_cursor = _cursor((page[-1][0], page[-1][1]), repeated=False)
    data = ",".join(body for _, _, body in page)
    return f'{{"data":[{data}],"next_cursor":{json.dumps(next_cursor)}}}'


def staffing_page(connection: sqlite3.Connection) -> str:
    """Returns all departments' staffing by month as JSON."""
    rows = connection.execute("select body from staffing order by month, department")
    return f'{{"data":[{",".join(body for (body,) in rows)}],"next_cursor":null}}'


def _instant(query: dict[str, str], name: str, default: str) -> str:
    """Returns the instant in the form the rows have it, so that texts sort as instants do."""
    if name not in query:
        return default
    try:
        instant = datetime.fromisoformat(query[name])
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise BadRequest(f"{name} is not an instant with a time zone, such as 2026-06-30T00:00:00Z")
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_LIMIT:
        raise BadRequest(f"limit is not a number from 1 to {MAX_LIMIT}")
    return int(text)


def _cursor(after: tuple[str, int], *, repeated: bool) -> str:
    return base64.urlsafe_b64encode(json.dumps([*after, repeated]).encode()).decode()


def _after(cursor: str) -> tuple[tuple[str, int], bool]:
    try:
        updated_at, case_id, repeated = json.loads(base64.urlsafe_b64decode(cursor))
    except (binascii.Error, ValueError):
        raise BadRequest("cursor is not one that was given out") from None
    return (updated_at, case_id), repeated


def _is_nth(number: int, every: int) -> bool:
    return every > 0 and number % every == 0


def main() -> None:
    """Serves the folder named by the first argument until the process is ended."""
    folder = Path(sys.argv[1])
    Service(folder, int((folder / "port").read_text())).serve_forever()


if __name__ == "__main__":
    main()
