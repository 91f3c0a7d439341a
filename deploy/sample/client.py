"""A client of the call center's API as any other: tokens, repeated commands that count once, patience."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.5
AWAY = (502, 503, 504)

Token = Callable[[str], str]
"""Gives a token for a sample actor."""


class Refused(Exception):
    """The service refused a command; the text is its answer."""


class CallCenter:
    """The call center at ``url``. A command whose answer was lost is sent again under the same key."""

    def __init__(self, url: str, token: Token) -> None:
        self._http = httpx.Client(base_url=url, timeout=120)
        self._token = token

    def close(self) -> None:
        self._http.close()

    def command(self, path: str, body: dict[str, Any], *, key: str, actor: str = "telephony") -> dict[str, Any]:
        """Carry out one command. Raises ``Refused``; after a minute without the service, httpx's error."""
        headers = {"authorization": f"Bearer {self._token(actor)}", "idempotency-key": key}
        return self._patiently(lambda: self._http.post(path, json=body, headers=headers))

    def import_customers(self, csv: bytes, mapping: dict[str, Any]) -> dict[str, Any]:
        """Bring in a file of customers; gives the import's report. A repeat changes nothing."""
        headers = {"authorization": f"Bearer {self._token('importer')}"}
        return self._patiently(
            lambda: self._http.post(
                "/customers/import",
                files={"file": ("customers.csv", csv, "text/csv")},
                data={"mapping": json.dumps(mapping)},
                headers=headers,
            )
        )

    def _patiently(self, send: Callable[[], httpx.Response]) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = send()
            except httpx.TransportError:
                if time.monotonic() > until:
                    raise
            else:
                if answer.status_code not in AWAY or time.monotonic() > until:
                    return _read(answer)
            time.sleep(PAUSE_SECONDS)


def _read(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise Refused(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:300]}")
    body: dict[str, Any] = answer.json()
    return body
