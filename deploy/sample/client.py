"""A client of the services' APIs as any other: tokens, repeated commands that count once, patience."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.5
LOOK_SECONDS = 5.0
AWAY = (502, 503, 504)

Token = Callable[[str], str]
"""Gives a token for a sample actor."""


class Refused(Exception):
    """The service refused a command; the text is its answer."""


class Client:
    """A service at ``url``. A command whose answer was lost is sent again under the same key."""

    def __init__(self, url: str, token: Token, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, timeout=120, trust_env=False, transport=transport)
        self._token = token

    def close(self) -> None:
        self._http.close()

    def is_there(self) -> bool:
        """Whether the service runs."""
        try:
            return self._http.get("/healthz", timeout=LOOK_SECONDS).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def get(self, path: str, actor: str, **parameters: Any) -> Any:
        """Read something. Raises as ``command``."""
        return self._patiently(lambda: self._http.get(path, params=parameters, headers=self._headers(actor)))

    def command(
        self, path: str, body: dict[str, Any], *, key: str = "", actor: str = "telephony", hears: bool = False
    ) -> dict[str, Any]:
        """Carry out one command; ``hears``: it is about what the service has yet to hear from another one.

        Raises ``Refused``; after a minute without the service, httpx's error.
        """
        headers = self._headers(actor) | ({"idempotency-key": key} if key else {})
        answer: dict[str, Any] = self._patiently(lambda: self._http.post(path, json=body, headers=headers), hears=hears)
        return answer

    def import_customers(self, csv: bytes, mapping: dict[str, Any]) -> dict[str, Any]:
        """Bring in a file of customers; gives the import's report. A repeat changes nothing."""
        answer: dict[str, Any] = self._patiently(
            lambda: self._http.post(
                "/customers/import",
                files={"file": ("customers.csv", csv, "text/csv")},
                data={"mapping": json.dumps(mapping), "list_customers": "true"},
                headers=self._headers("importer"),
            )
        )
        return answer

    def _headers(self, actor: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self._token(actor)}"}

    def _patiently(self, send: Callable[[], httpx.Response], *, hears: bool = False) -> Any:
        until = time.monotonic() + PATIENCE_SECONDS
        wait = (*AWAY, httpx.codes.NOT_FOUND) if hears else AWAY
        while True:
            try:
                answer = send()
            except httpx.TransportError:
                if time.monotonic() > until:
                    raise
            else:
                if answer.status_code not in wait or time.monotonic() > until:
                    return _read(answer)
            time.sleep(PAUSE_SECONDS)


def _read(answer: httpx.Response) -> Any:
    if answer.is_error:
        raise Refused(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:300]}")
    return answer.json()
