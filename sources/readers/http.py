"""Asks a service for JSON: with its token, with patience, and never without an end."""

import logging
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from sources.readers.values import parse_json
from warehouse.connections import without_secret
from warehouse.errors import SourceError

logger = logging.getLogger(__name__)

ATTEMPTS = 6
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 120.0
CONNECT_SECONDS, READ_SECONDS = 10.0, 60.0
_REFUSED = {401, 403}
_PASSING = {408, 425, 429, 500, 502, 503, 504}


class _Bearer(requests.auth.AuthBase):
    """Sends the token; set as `auth`, so that no password of a .netrc takes its place."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Service:
    """A source's service.

    Args:
        url: where it stands; endpoints are paths below it.
        token: sent as bearer token; never logged, never sent to another address.
    """

    def __init__(self, source: str, url: str, token: str | None) -> None:
        if not url.startswith(("http://", "https://")):
            raise SourceError(
                f"SOURCE_{source.upper()}_URL is not the URL of a service.",
                "Write it as https://host or https://host/path.",
            )
        self._source, self._url = source, url.rstrip("/")
        self._session = requests.Session()
        self._session.headers["Accept"] = "application/json"
        if token:
            self._session.auth = _Bearer(token)

    def get(self, endpoint: str, parameters: dict[str, str]) -> Any:
        """Returns the JSON document an endpoint answers.

        What passes by itself (no answer, an answer cut off, 429, 5xx) is asked for again, after
        the pause the service names or one that doubles.

        Raises:
            SourceError: it still fails, or it fails in a way that does not pass by itself.
        """
        fault = ""
        for attempt in range(ATTEMPTS):
            wait = FIRST_WAIT_SECONDS * 2**attempt
            try:
                response = self._session.get(
                    self._url + endpoint,
                    params=parameters,
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                    allow_redirects=False,
                )
                if response.status_code == requests.codes.ok:
                    return parse_json(response.content)
                self._check_passing(endpoint, response.status_code)
                fault = f"answers {response.status_code}"
                wait = _asked_for(response.headers) or wait
            except ValueError as error:
                if isinstance(error, requests.RequestException):
                    raise self._failed(endpoint, type(error).__name__) from None
                fault = "answers what is no JSON"
            except (
                requests.ConnectionError,
                requests.Timeout,
                requests.exceptions.ChunkedEncodingError,
                requests.exceptions.ContentDecodingError,
            ) as error:
                fault = f"does not answer: {type(error).__name__}"
            if wait > LONGEST_WAIT_SECONDS:
                raise self._failed(endpoint, f"{fault} and asks to wait {wait:.0f} seconds")
            if attempt < ATTEMPTS - 1:
                logger.info("%s%s %s: again in %.1f s", self._source, endpoint, fault, wait)
                time.sleep(wait)
        raise self._failed(endpoint, f"{fault}, {ATTEMPTS} times")

    def _check_passing(self, endpoint: str, status: int) -> None:
        """Raises `SourceError` for a status that asking again does not change."""
        if status in _REFUSED:
            raise SourceError(
                f"Source {self._source} at {without_secret(self._url)}{endpoint} refuses us: "
                f"{status}.",
                f"Correct SOURCE_{self._source.upper()}_TOKEN.",
            )
        if status not in _PASSING:
            raise SourceError(
                f"Source {self._source} at {without_secret(self._url)}{endpoint} answers {status}.",
                f"Correct the endpoint in {self._source}.yml, or SOURCE_"
                f"{self._source.upper()}_URL; what is loaded stays as it is.",
            )

    def _failed(self, endpoint: str, fault: str) -> SourceError:
        return SourceError(
            f"Source {self._source} at {without_secret(self._url)}{endpoint} {fault}.",
            "Check that it runs and run again; nothing of this load stays.",
        )


def _asked_for(headers: Mapping[str, str]) -> float | None:
    """Returns the seconds a Retry-After asks for; a moment counts from the service's own Date."""
    retry_after, date = headers.get("Retry-After", ""), headers.get("Date", "")
    if retry_after.isdigit():
        return float(retry_after)
    try:
        pause = parsedate_to_datetime(retry_after) - parsedate_to_datetime(date)
    except (TypeError, ValueError):  # one of them is missing or no date
        return None
    return max(pause.total_seconds(), 0.0)
