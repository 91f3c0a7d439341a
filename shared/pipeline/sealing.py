"""Sealing of personal text with a member's key, and wrapping of that key. No tables, no clock.

AES-256-GCM with a random 96-bit nonce (NIST SP 800-38D). A sealed text is ``1:key id:`` and base64 of nonce,
ciphertext and tag; the event's id is associated data, so a text can't be moved to another event unnoticed.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.edge.settings import KEY_BYTES, key_encryption_keys
from shared.events.facts import ERASED

NONCE_BYTES = 12

FORM = "1:"


class KeyMissing(Exception):
    """A text is sealed with a key that isn't here, and its member isn't known to be erased."""


class WrongKey(Exception):
    """A sealed text or a wrapped key doesn't open with the key at hand: it was changed, or moved."""


class KeyEncryptionKeys:
    """The keys that wrap members' keys: the first one wraps, all of them unwrap.

    Raises ``ValueError`` when there is none, or one isn't 32 bytes.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys:
            raise ValueError("no key-encrypting key is given")
        for number, key in enumerate(keys.values(), 1):
            if len(key) != KEY_BYTES:
                raise ValueError(f"key-encrypting key {number} has {len(key)} bytes, not {KEY_BYTES}")
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        self._current = next(iter(keys))
        self.fingerprint_keys = tuple(
            HKDF(SHA256(), KEY_BYTES, salt=None, info=b"command fingerprint").derive(key) for key in keys.values()
        )
        """The first one is used for what is new; the others know what was kept before a key was changed."""
        self.fingerprint_key = self.fingerprint_keys[0]
        self._unwrap = lru_cache(maxsize=20_000)(self._unwrap_uncached)

    @classmethod
    def from_text(cls, text: str) -> KeyEncryptionKeys:
        """Those of the setting, the newest first."""
        return cls(key_encryption_keys(text))

    def wrap(self, key: bytes, *, source: str, member: str) -> str:
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, key, f"{source}/{member}".encode())
        return f"{self._current}:{base64.b64encode(nonce + sealed).decode()}"

    def unwrap(self, wrapped: str, *, source: str, member: str) -> AESGCM:
        """The cipher of a member. Raises ``WrongKey`` when no key at hand opens it."""
        return self._unwrap(wrapped, source, member)

    def _unwrap_uncached(self, wrapped: str, source: str, member: str) -> AESGCM:
        name, _, encoded = wrapped.partition(":")
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise WrongKey(f"the key of {source}/{member} was wrapped with {name[:20]!r}, which isn't configured")
        try:
            raw = base64.b64decode(encoded, validate=True)
            return AESGCM(cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], f"{source}/{member}".encode()))
        except (InvalidTag, ValueError) as error:
            raise WrongKey(f"the key of {source}/{member} can't be unwrapped") from error


@dataclass(frozen=True, slots=True)
class MemberKey:
    """The key of one member at one source, ready for use."""

    id: str
    cipher: AESGCM


def new_key() -> tuple[str, bytes]:
    """A key with an id of its own."""
    return secrets.token_urlsafe(6), AESGCM.generate_key(KEY_BYTES * 8)


def seal(text: str, key: MemberKey | None, *, event_id: str) -> str:
    """Text as it stands in an event. Without a key (the member is erased) nothing of it remains."""
    if key is None:
        return ""
    nonce = os.urandom(NONCE_BYTES)
    sealed = key.cipher.encrypt(nonce, text.encode(), event_id.encode())
    return f"{FORM}{key.id}:{base64.b64encode(nonce + sealed).decode()}"


def unseal(sealed: str, keys: Mapping[str, AESGCM] | None, *, event_id: str) -> str:
    """The clear text; ``ERASED`` when ``keys`` is none (the member is erased) or it was sealed as erased.

    ``keys`` are the member's by id. Raises ``KeyMissing``, and ``WrongKey`` when the text was tampered with.
    """
    if keys is None or not sealed:
        return ERASED
    key_id, _, encoded = sealed.removeprefix(FORM).partition(":")
    if not sealed.startswith(FORM) or not encoded:
        raise WrongKey(f"a text of event {event_id} isn't sealed in a form known here")
    if key_id not in keys:
        raise KeyMissing(f"the key {key_id[:20]!r} of event {event_id} isn't here")
    try:
        raw = binascii.a2b_base64(encoded, strict_mode=True)
        return keys[key_id].decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], event_id.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise WrongKey(f"a text of event {event_id} doesn't open with its member's key") from error
