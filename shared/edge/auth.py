"""The way in: a signed, short-lived access token (RFC 7519), as a bearer or in this site's cookie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.requests import Request

from shared.edge.actor import Actor
from shared.edge.clock import Clock
from shared.edge.errors import Forbidden, Unauthenticated

COOKIE = "crm_token"
ALGORITHMS = ["Ed25519", "EdDSA", "ES256", "RS256"]
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Authenticator:
    """Turns a token into an actor. Trusts the keys in the issuer's public key set and nothing else."""

    def __init__(self, jwks_file: Path, issuer: str, audience: str, clock: Clock) -> None:
        self._keys = KeySet.import_key_set(_read(jwks_file))
        self._issuer, self._audience, self._clock = issuer, audience, clock

    def actor(self, request: Request) -> Actor:
        """The actor of a request. Raises ``Unauthenticated``, or ``Forbidden`` for a forged page request."""
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.verify(bearer.strip())
        if cookie := request.cookies.get(COOKIE):
            _same_origin(request)
            return self.verify(cookie)
        raise Unauthenticated("no access token came with the request")

    def verify(self, token: str) -> Actor:
        """The actor that a token speaks for. Raises ``Unauthenticated``."""
        try:
            claims = jwt.decode(token, self._keys, algorithms=ALGORITHMS).claims
            self._rules().validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise Unauthenticated(f"the access token isn't valid: {type(error).__name__}") from None
        roles = claims.get("roles")
        return Actor(
            id=str(claims["sub"]),
            name=str(claims.get("name", claims["sub"])),
            roles=frozenset(str(r) for r in roles) if isinstance(roles, list) else frozenset(),
        )

    def _rules(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(self._clock().timestamp()),
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            sub={"essential": True},
            exp={"essential": True},
        )


def _same_origin(request: Request) -> None:
    # A cookie comes along on its own, so another site could have made the browser send this.
    origin = request.headers.get("origin")
    if request.method in SAFE_METHODS or (origin is None and request.headers.get("sec-fetch-site") == "same-origin"):
        return
    if origin is None or origin.partition("://")[2] != request.headers.get("host"):
        raise Forbidden("the request comes from another site")


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
