"""The way in: a signed, short-lived access token (RFC 7519), as a bearer or in this site's cookie."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
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
MOST_VERIFIED = 10_000
"""Tokens that a process remembers as verified; the longest known one goes first."""
_NOBODY = (Actor(""), 0.0, 0.0)


class Authenticator:
    """Turns a token into an actor. Trusts the keys in the issuer's public key set and nothing else."""

    def __init__(
        self,
        jwks_file: Path,
        issuer: str,
        audience: str,
        clock: Clock,
        refuse_if_ended: Callable[[str, str, float], None] = lambda _subject, _session, _issued: None,
    ) -> None:
        """``refuse_if_ended``: raises for a subject, a session and when its token was issued."""
        self._refuse_if_ended = refuse_if_ended
        self._keys = KeySet.import_key_set(_read(jwks_file))
        self._issuer, self._audience, self._clock = issuer, audience, clock
        self._verified: dict[bytes, tuple[Actor, float, float]] = {}
        """Digest of a token that was verified -> whom it speaks for, since when and until when."""

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
        """The actor that a token speaks for. Raises ``Unauthenticated``.

        The same token comes with request after request, so its signature is checked once. All that can change about
        a verified token is looked at here each time: its end, and whether its session was ended before.
        """
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        actor, since, until = self._verified.get(digest, _NOBODY)
        if self._clock().timestamp() >= until:
            actor, since, until = self._check(token)
            self._verified.pop(digest, None)
            if len(self._verified) >= MOST_VERIFIED:
                self._verified.pop(next(iter(self._verified)), None)
            self._verified[digest] = actor, since, until
        self._refuse_if_ended(actor.id, actor.session, since)
        return actor

    def _check(self, token: str) -> tuple[Actor, float, float]:
        """Verify signature and claims: the actor, since when and until when it is so."""
        try:
            claims = jwt.decode(token, self._keys, algorithms=ALGORITHMS).claims
            self._rules().validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise Unauthenticated(f"the access token isn't valid: {type(error).__name__}") from None
        actor = Actor(
            id=str(claims["sub"]),
            name=str(claims.get("name", claims["sub"])),
            roles=_texts(claims.get("roles")),
            teams=_texts(claims.get("teams")),
            session=str(claims.get("sid", "")),
        )
        return actor, float(claims.get("iat", 0.0)), float(claims["exp"])

    def _rules(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=int(self._clock().timestamp()),
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            sub={"essential": True},
            exp={"essential": True},
        )


def _texts(claim: Any) -> frozenset[str]:
    return frozenset(map(str, claim)) if isinstance(claim, list) else frozenset()


def _same_origin(request: Request) -> None:
    # A cookie comes along on its own, so another site could have made the browser send this.
    origin = request.headers.get("origin")
    if request.method in SAFE_METHODS or (origin is None and request.headers.get("sec-fetch-site") == "same-origin"):
        return
    if origin is None or origin.partition("://")[2] != request.headers.get("host"):
        raise Forbidden("the request comes from another site")


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
