"""Tells services of sessions that ended (OpenID Connect Back-Channel Logout), so that they end there at once too."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx

from deploy.local.issuer.clients import Client
from deploy.local.issuer.keys import SigningKeys
from deploy.local.issuer.sessions import Session

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_SECONDS = 120
PAUSES = (0.0, 0.5, 2.0, 5.0, 15.0)
"""Before each try. Who hears of none of them knows the end by its tokens' end at the latest."""

log = logging.getLogger("issuer")


class Teller:
    """Hands logout tokens to clients, in the background."""

    def __init__(
        self,
        issuer: str,
        keys: SigningKeys,
        clients: Mapping[str, Client],
        clock: Callable[[], float] = time.time,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._issuer, self._keys, self._clients, self._clock = issuer, keys, clients, clock
        self._http = httpx.Client(timeout=5, trust_env=False, transport=transport)
        self._closing = threading.Event()
        self._threads = ThreadPoolExecutor(8, thread_name_prefix="logout")

    def tell(self, session: Session, names: list[str]) -> None:
        """Tell these clients that ``session`` ended."""
        for name in names:
            if client := self._clients.get(name):
                self._threads.submit(self._insist, client, session)

    def finish(self) -> None:
        """Wait until all were told, or didn't take it."""
        self._threads.shutdown()
        self._http.close()

    def close(self) -> None:
        self._closing.set()
        self._threads.shutdown(cancel_futures=True)
        self._http.close()

    def _insist(self, client: Client, session: Session) -> None:
        for pause in PAUSES:
            if self._closing.wait(pause):
                return
            try:
                if self._http.post(client.logout_uri, data={"logout_token": self._token(client, session)}).is_success:
                    return
            except httpx.HTTPError:
                continue
        log.warning("%s didn't take the end of a session", client.name)

    def _token(self, client: Client, session: Session) -> str:
        now = int(self._clock())
        claims = {
            "iss": self._issuer,
            "aud": client.name,
            "sub": session.subject,
            "sid": session.sid,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "jti": str(uuid.uuid4()),
            "events": {LOGOUT_EVENT: {}},
        }
        return self._keys.sign(claims, typ="logout+jwt")
