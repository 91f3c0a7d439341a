"""Asks the services with each person's own token: what the console shows and does is what that person may."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.requests import Request

from shared.edge.language import LANGUAGES, catalog, language_of
from shared.texts import N_, Text

TIMEOUT_SECONDS = 5.0
FORBIDDEN = 403
AWAY = Text(N_("it doesn't answer"))


@dataclass(frozen=True)
class Told:
    """What a service answered. ``said`` is none where it didn't; ``why`` says so."""

    service: str
    said: Any = None
    why: str = ""
    status: int = 0

    @property
    def refused(self) -> bool:
        """Whether the person may not see it."""
        return self.status == FORBIDDEN


class Services:
    """The services' APIs. ``cookie``: the console's own, which has the person's token."""

    def __init__(self, urls: Mapping[str, str], cookie: str, transport: httpx.BaseTransport | None = None) -> None:
        self.urls = urls
        self._cookie = cookie
        self._client = httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False, transport=transport)
        self._pool = ThreadPoolExecutor(2 * len(urls))

    def each(self, request: Request, path: str) -> list[Told]:
        """What each service answers to a GET, asked at once."""
        headers = self._headers(request)
        return list(self._pool.map(lambda name: self._ask("GET", name, path, headers), self.urls))

    def act(self, request: Request, service: str, path: str, body: Mapping[str, str], key: str) -> Told:
        """Send a command to one service."""
        headers = {**self._headers(request), "idempotency-key": key}
        return self._ask("POST", service, path, headers, dict(body))

    def ready(self, name: str) -> bool:
        """Whether a service can do its work now."""
        return self._ask("GET", name, "/readyz", {"accept-language": LANGUAGES[0]}).status == httpx.codes.OK

    def all_ready(self) -> dict[str, bool]:
        """``ready`` of each, asked at once."""
        return dict(zip(self.urls, self._pool.map(self.ready, self.urls), strict=True))

    def _headers(self, request: Request) -> dict[str, str]:
        bearer = request.headers.get("authorization") or f"Bearer {request.cookies.get(self._cookie, '')}"
        return {"authorization": bearer, "accept": "application/json", "accept-language": language_of(request)}

    def _ask(
        self, method: str, name: str, path: str, headers: Mapping[str, str], body: dict[str, str] | None = None
    ) -> Told:
        try:
            answer = self._client.request(method, f"{self.urls[name]}{path}", headers=dict(headers), json=body)
            said = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            return Told(name, why=AWAY.told(catalog(headers["accept-language"]).gettext) + f" ({type(error).__name__})")
        if answer.is_success:
            return Told(name, said, status=answer.status_code)
        return Told(name, why=str(said.get("detail", answer.status_code)), status=answer.status_code)
