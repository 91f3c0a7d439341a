"""A report as a certificate: signed, so that whoever is handed it can tell that nobody changed it (JWS, RFC 7515)."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey

from shared.administration.erasures.rules import Report

TYPE = "crm-erasure+jws"
ALGORITHMS = ["Ed25519", "EdDSA", "ES256"]
Key = OKPKey | ECKey


class BadKey(SystemExit):
    """The key of certificates isn't one; ends the process with a text for people."""


class NotGenuine(ValueError):
    """A certificate wasn't signed by any of these keys, or was changed afterwards."""


class Signing:
    """Signs reports, if there is a key. ``given``: a private key as PEM or JWK."""

    def __init__(self, given: str) -> None:
        self._given = given

    @cached_property
    def _key(self) -> Key | None:
        return _imported(self._given) if self._given else None

    @property
    def is_possible(self) -> bool:
        return self._key is not None

    def sign(self, report: Report) -> str:
        """The certificate: a JWS in its compact form, its payload the report as JSON."""
        key = self._key
        assert key is not None
        header = {"alg": "ES256" if isinstance(key, ECKey) else "Ed25519", "typ": TYPE, "kid": key.thumbprint()}
        return jws.serialize_compact(header, msgspec.json.encode(report), key, algorithms=ALGORITHMS)

    def keys(self) -> dict[str, Any]:
        """The public key as a key set (RFC 7517); empty without one."""
        key = self._key
        if key is None:
            return {"keys": []}
        return {"keys": [{**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig"}]}


def verify(certificate: str, keys: dict[str, Any]) -> Report:
    """The report that a certificate holds. Raises ``NotGenuine``."""
    try:
        found = jws.deserialize_compact(certificate.strip(), KeySet.import_key_set(keys), algorithms=ALGORITHMS)  # type: ignore[arg-type]
        if found.headers().get("typ") != TYPE:
            raise NotGenuine("this is signed, but isn't a certificate of an erasure")
        return msgspec.json.decode(found.payload, type=Report)
    except (JoseError, msgspec.DecodeError, ValueError) as error:
        if isinstance(error, NotGenuine):
            raise
        raise NotGenuine(f"none of these keys signed it, or it was changed: {type(error).__name__}") from None


def _imported(text: str) -> Key:
    for kind in (OKPKey, ECKey):
        try:
            value: Any = json.loads(text) if text.lstrip().startswith("{") else text
            key = kind.import_key(value)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            continue
        if key.is_private and key.as_dict(private=False).get("crv") in ("Ed25519", "P-256"):
            return key
    raise BadKey("CRM_CERTIFICATE_KEY: a private key for Ed25519 or ES256 is expected, as PEM or JWK")
