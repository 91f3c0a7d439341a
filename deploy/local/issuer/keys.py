"""The keys that sign tokens: one in use, older ones that are still trusted for as long as their tokens live."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from deploy.local import private

ALGORITHM = "ES256"
TRUSTED_SECONDS = 3600
"""How long a key that signs no more stays published: as long as the longest-lived token."""


class SigningKeys:
    """Key pairs in a file that only this machine has, made the first time. Looks at the file anew when it changed."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock = path, clock
        self._read_at = -1
        self._kept: list[dict[str, Any]] = []

    def current(self) -> ECKey:
        """The key that signs."""
        return ECKey.import_key(self._all()[0]["key"])

    def trusted(self) -> KeySet:
        """Every key whose tokens may still be alive, the current one first."""
        return KeySet([ECKey.import_key(kept["key"]) for kept in self._all()])

    def public(self) -> dict[str, Any]:
        """What is published of them (RFC 7517)."""
        return dict(self.trusted().as_dict(private=False))

    def sign(self, claims: dict[str, Any], typ: str = "JWT") -> str:
        """A signed token with these claims."""
        key = self.current()
        return jwt.encode({"alg": ALGORITHM, "kid": key.kid, "typ": typ}, claims, key, algorithms=[ALGORITHM])

    def rotate(self) -> str:
        """Sign with a new key from now on; the old ones stay trusted for their time. Returns the new key's name."""
        made = _new_key()
        older = [{**kept, "retired": kept.get("retired") or self._clock()} for kept in self._all()]
        self._write([{"key": made}, *older])
        return str(made["kid"])

    def forget_old(self) -> int:
        """Trust the current key only, at once: what a key that got out asks for. Returns how many are gone."""
        kept = self._all()
        self._write(kept[:1])
        return len(kept) - 1

    def _all(self) -> list[dict[str, Any]]:
        private.kept(self._path, lambda: json.dumps([{"key": _new_key()}]))
        changed = self._path.stat().st_mtime_ns
        if changed != self._read_at:
            self._kept, self._read_at = json.loads(self._path.read_text()), changed
        now = self._clock()
        return [kept for kept in self._kept if now < kept.get("retired", now) + TRUSTED_SECONDS]

    def _write(self, kept: list[dict[str, Any]]) -> None:
        private.replace(self._path, json.dumps(kept))
        self._read_at = -1


def _new_key() -> dict[str, Any]:
    key = ECKey.generate_key("P-256", parameters={"use": "sig", "alg": ALGORITHM}, auto_kid=True)
    return dict(key.as_dict(private=True))
