"""What a service knows of its issuer of tokens: its public keys and its addresses, by OpenID Connect Discovery."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from shared.edge.errors import Unavailable
from shared.edge.health import Health, alive
from shared.texts import N_

FRESH_SECONDS = 300.0
"""So often the keys are looked up: one that the issuer took away is trusted no longer than this and a time-out."""

AGAIN_SECONDS = 10.0
"""So often at most a token with an unknown key makes them be looked up before their time."""

STALE_SECONDS = 3600.0
"""When the issuer doesn't answer for so long, its keys aren't trusted any more."""

TIMEOUT_SECONDS = 5.0
_PUBLIC = frozenset({"RSA", "EC", "OKP"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

log = structlog.get_logger(__name__)


class Keys(Protocol):
    """Public keys that tokens are checked with."""

    version: int
    """Another one whenever the keys are others."""

    def current(self) -> KeySet:
        """The keys trusted now. Raises ``Unavailable`` when none are known."""

    def look_again(self) -> bool:
        """Look for keys that aren't known yet, if it wasn't done just now; says whether it was done. Blocks."""


class KeyFile:
    """Keys from a file, read once."""

    version = 0

    def __init__(self, path: Path) -> None:
        self._keys = usable(json.loads(path.read_text(encoding="utf-8")))

    def current(self) -> KeySet:
        return self._keys

    def look_again(self) -> bool:
        return False


class Issuer:
    """An issuer at a URL. It may be away when a service starts, or go away: what is known stays for a while."""

    def __init__(
        self,
        url: str,
        transport: httpx.BaseTransport | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = url
        # A proxy stands between this machine and others, never between it and itself.
        trust_env = urlsplit(url).hostname not in _LOOPBACK
        self.http = httpx.Client(timeout=TIMEOUT_SECONDS, transport=transport, trust_env=trust_env)
        self._monotonic = monotonic
        self.version = 0
        self._addresses: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._published: Any = None
        self._found = self._tried = float("-inf")
        self._lock = threading.Lock()

    def current(self) -> KeySet:
        """The keys trusted now. Raises ``Unavailable``."""
        if self._keys is None or self._monotonic() - self._found > STALE_SECONDS:
            raise Unavailable(N_("the issuer of access tokens doesn't answer, so none can be checked; try again"))
        return self._keys

    def address(self, endpoint: str) -> str:
        """Where an endpoint is (``token_endpoint``); empty if the issuer has none. Raises ``Unavailable``."""
        if not self._addresses:
            self.look_again()
        if not self._addresses:
            raise Unavailable(N_("the issuer of access tokens doesn't answer just now; try again"))
        return str(self._addresses.get(endpoint, ""))

    def look_again(self) -> bool:
        """Look now, unless somebody did in the last seconds. Says whether it looked; blocks meanwhile."""
        with self._lock:
            if self._monotonic() - self._tried < AGAIN_SECONDS:
                return False
            self._look()
            return True

    @contextmanager
    def running(self, of: Health | None = None) -> Iterator[None]:
        """Look up the keys in the background, as long as the context is open. ``of``: whose part this is."""
        stop = threading.Event()
        thread = threading.Thread(target=self._keep_looking, args=[stop, of or Health()], name="issuer", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            self.http.close()

    def _keep_looking(self, stop: threading.Event, of: Health) -> None:
        with of.part("issuer"):
            while not stop.is_set():
                with self._lock:
                    if self._monotonic() - self._tried >= self._pause():
                        self._look()
                alive()
                stop.wait(AGAIN_SECONDS)

    def _pause(self) -> float:
        return AGAIN_SECONDS if self._keys is None or self._tried > self._found else FRESH_SECONDS

    def _look(self) -> None:
        self._tried = self._monotonic()
        try:
            found = self._get(f"{self.url.rstrip('/')}/.well-known/openid-configuration")
            # RFC 8414, 3.3: another issuer's document must not be taken for this one's.
            if found["issuer"] != self.url:
                raise ValueError("it calls itself otherwise")
            published = self._get(found["jwks_uri"])
            keys = usable(published)
        except (httpx.HTTPError, JoseError, ValueError, KeyError, TypeError) as error:
            log.warning("issuer.unknown", error=type(error).__name__)
            return
        self._addresses, self._keys = found, keys
        if published != self._published:
            self._published = published
            self.version += 1
        self._found = self._tried

    def _get(self, url: str) -> Any:
        return self.http.get(url).raise_for_status().json()


def usable(published: Any) -> KeySet:
    """The keys of a published set that may check signatures: public ones, for that purpose."""
    return KeySet.import_key_set(
        {"keys": [key for key in published["keys"] if key.get("kty") in _PUBLIC and key.get("use", "sig") == "sig"]}
    )
