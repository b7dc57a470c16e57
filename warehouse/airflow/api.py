"""Airflow's REST API on loopback, as far as this project needs it."""

import http.client
import json
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from warehouse.airflow.environment import USER, base_url, ensure_secrets
from warehouse.errors import WarehouseError
from warehouse.settings import Settings

TIMEOUT_SECONDS = 60
# Airflow answers 500 where its scheduler and a request wait for each other's rows, as just after a
# scheduler has begun: the server ends one of the two, and it may be asked again.
_PAUSES_SECONDS = (0.5, 2.0, 5.0)
_REPEATABLE = ("GET", "PATCH")


class Api:
    """A logged-in client. It speaks to loopback directly: a proxy setting does not apply."""

    def __init__(self, settings: Settings) -> None:
        self._address = urlsplit(base_url(settings)).netloc
        self._settings = settings
        self._token: str | None = None

    def health(self) -> dict[str, Any] | None:
        """Returns what Airflow says of its services, or None if it does not answer."""
        try:
            # The first call makes Airflow build the API its tasks use: seconds the first task need
            # not wait for.
            ready, _ = self._send("GET", "/execution/health")
            status, answer = self._send("GET", "/api/v2/monitor/health")
        except (OSError, http.client.HTTPException, ValueError):
            return None
        return answer if ready == status == http.client.OK and isinstance(answer, dict) else None

    def get(self, path: str) -> dict[str, Any] | None:
        """Returns a resource below `/api/v2`, or None if there is none such."""
        return self._call("GET", path)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Posts to a resource below `/api/v2` and returns the answer."""
        return self._must(path, self._call("POST", path, body))

    def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Changes a resource below `/api/v2` and returns it."""
        return self._must(path, self._call("PATCH", path, body))

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any] | None:
        try:
            self._token = self._token or self._log_in()
            status, answer = self._send(method, f"/api/v2{path}", body, self._token)
            for pause in _PAUSES_SECONDS:
                if status < http.client.INTERNAL_SERVER_ERROR or method not in _REPEATABLE:
                    break
                time.sleep(pause)
                status, answer = self._send(method, f"/api/v2{path}", body, self._token)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise WarehouseError(
                f"Airflow at {self._address} does not answer: {type(error).__name__}.",
                "Run make up and try again.",
            ) from None
        if status == http.client.NOT_FOUND:
            return None
        if status >= http.client.BAD_REQUEST:
            raise WarehouseError(
                f"Airflow refused {method} {path} ({status}): {_detail(answer)}",
                "Run make down and make up, then try again.",
            )
        return dict(answer or {})

    def _log_in(self) -> str:
        login = {"username": USER, "password": ensure_secrets(self._settings).password}
        status, answer = self._send("POST", "/auth/token", login)
        if status >= http.client.BAD_REQUEST:
            raise WarehouseError(
                f"Airflow at {self._address} does not accept this installation's login.",
                "Another Airflow may use the port: set AIRFLOW_PORT to a free one.",
            )
        return str(answer["access_token"])

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        token: str | None = None,
    ) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self._address, timeout=TIMEOUT_SECONDS)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        return response.status, json.loads(content) if content else None

    @staticmethod
    def _must(path: str, answer: dict[str, Any] | None) -> dict[str, Any]:
        if answer is None:
            raise WarehouseError(
                f"Airflow knows nothing at {path}.", "Run make down and make up, then try again."
            )
        return answer


def path_part(text: str) -> str:
    """Returns `text` fit for one part of a path."""
    return quote(text, safe="")


def _detail(answer: Any) -> str:
    detail = answer.get("detail", answer) if isinstance(answer, dict) else answer
    return re.sub(r"\s+", " ", str(detail))[:300]
