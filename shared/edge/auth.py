"""The way in: a signed, short-lived access token (RFC 9068), as a bearer or in this service's cookie."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, InvalidKeyIdError, JoseError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from shared.edge.actor import Actor
from shared.edge.clock import Clock
from shared.edge.errors import Forbidden, Unauthenticated, Unavailable
from shared.edge.issuer import Keys
from shared.edge.rates import Rates
from shared.texts import N_

COOKIE = "crm_token"
ALGORITHMS = ["Ed25519", "EdDSA", "ES256", "RS256"]
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LEEWAY_SECONDS = 60
CLOCKS_DIFFER_SECONDS = 5
"""By so much the issuer's clock may go before or after the service's."""
OUR_OWN = ("service:", "operator:")
"""How actors are called that no token speaks for."""
MOST_VERIFIED = 10_000
"""Tokens that a process remembers as verified; the longest known one goes first."""


class UnknownKey(Unauthenticated):
    """A token was signed with a key that isn't known, or not known yet."""


@dataclass(frozen=True)
class Trust:
    """Whose tokens are good here, and what they call things."""

    issuer: str
    audience: str
    roles: str = "roles"
    teams: str = "teams"
    """Names of claims; with dots for one within another, as ``realm_access.roles``."""
    cookie: str = COOKIE
    cookie_audience: str = ""
    """Of the tokens that pages carry, if another."""


@dataclass(frozen=True)
class _Verified:
    actor: Actor
    since: float
    until: float


class Authenticator:
    """Turns a token into an actor. Trusts the issuer's public keys and nothing else."""

    def __init__(
        self,
        keys: Keys,
        trust: Trust,
        clock: Clock,
        refuse_if_ended: Callable[[str, str, float], None] = lambda _subject, _session, _issued: None,
        rates: Rates | None = None,
        longest: float = math.inf,
    ) -> None:
        """``refuse_if_ended``: raises for a subject, a session and when its token was issued. ``longest``: the seconds
        that a token may be good for; for so long it is known which sessions were ended."""
        self.trust, self._keys, self._clock, self._longest = trust, keys, clock, longest
        self._refuse_if_ended, self._rates = refuse_if_ended, rates
        self._verified: dict[bytes, _Verified] = {}
        """By the digest of a token that was verified."""
        self._version = keys.version

    async def admit(self, request: Request) -> Actor:
        """The actor of a request that just came. Raises as ``actor``; ``TooMany`` for who asks too often."""
        try:
            try:
                actor = self.actor(request)
            except (UnknownKey, Unavailable):
                # The issuer may sign with a new key; whoever makes keys up has it looked up every ten seconds at most.
                if not await run_in_threadpool(self._keys.look_again):
                    raise
                actor = self.actor(request)
        except Unauthenticated:
            if self._rates and _brings_token(request, self.trust.cookie):
                self._rates.failure(request.client.host if request.client else "")
            raise
        if self._rates:
            self._rates.request(actor.id)
        return actor

    def actor(self, request: Request) -> Actor:
        """The actor of a request. Raises ``Unauthenticated``, or ``Forbidden`` for a forged page request."""
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.verify(bearer.strip())
        if cookie := request.cookies.get(self.trust.cookie):
            refuse_other_sites(request)
            return self.verify_page(cookie)
        raise Unauthenticated(N_("no access token came with the request"))

    def verify_page(self, token: str) -> Actor:
        """As ``verify``, for the token that pages carry."""
        return self.verify(token, self.trust.cookie_audience or self.trust.audience)

    def verify(self, token: str, audience: str = "") -> Actor:
        """The actor that a token speaks for. Raises ``Unauthenticated``.

        The same token comes with request after request, so its signature is checked once. All that can change about
        a verified token is looked at here each time: the issuer's keys, its end, and whether its session was ended.
        """
        audience = audience or self.trust.audience
        keys = self._keys.current()
        if self._version != self._keys.version:
            self._verified, self._version = {}, self._keys.version
        digest = hashlib.sha256(f"{audience} {token}".encode("utf-8", "surrogatepass")).digest()
        found = self._verified.get(digest)
        if found is None or self._clock().timestamp() >= found.until:
            self._verified.pop(digest, None)
            found = self._read(self.claims(token, audience, keys=keys))
            if len(self._verified) >= MOST_VERIFIED:
                self._verified.pop(next(iter(self._verified)), None)
            self._verified[digest] = found
        self._refuse_if_ended(found.actor.id, found.actor.session, found.since)
        return found.actor

    def claims(self, token: str, audience: str, keys: Any = None, **essential: Any) -> Mapping[str, Any]:
        """What a token of the issuer's for that audience says. ``essential``: further claims, and what they must be.

        Raises ``Unauthenticated``.
        """
        rules = jwt.JWTClaimsRegistry(
            now=int(self._clock().timestamp()),
            leeway=CLOCKS_DIFFER_SECONDS,
            iss={"essential": True, "value": self.trust.issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            **essential,
        )
        try:
            claims = jwt.decode(token, keys or self._keys.current(), algorithms=ALGORITHMS).claims
            rules.validate(claims)
            if claims["exp"] <= self._clock().timestamp():
                # The difference of clocks is borne at a token's beginning, not at its end.
                raise ExpiredTokenError("exp")
        except InvalidKeyIdError:
            raise UnknownKey(N_("the access token's key isn't known")) from None
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise Unauthenticated(N_("the token isn't valid: %(error)s"), error=type(error).__name__) from None
        return claims

    def _read(self, claims: Mapping[str, Any]) -> _Verified:
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject or subject.startswith(OUR_OWN) or "events" in claims:
            raise Unauthenticated(N_("the token isn't one by which somebody comes in"))
        since = float(claims.get("iat", self._clock().timestamp()))
        if claims["exp"] - since > self._longest + LEEWAY_SECONDS:
            raise Unauthenticated(
                N_("the token is good for longer than %(longest)s s, the most that is taken here"),
                longest=f"{self._longest:.0f}",
            )
        actor = Actor(
            id=subject,
            name=str(claims.get("name", subject)),
            roles=_texts(claim(claims, self.trust.roles)),
            teams=_texts(claim(claims, self.trust.teams)),
            session=str(claims.get("sid", "")),
        )
        return _Verified(actor, float(claims.get("iat", 0.0)), float(claims["exp"]))


def claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name; or by a path, as issuers have it that keep roles within another claim."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _texts(found: Any) -> frozenset[str]:
    return frozenset(map(str, found)) if isinstance(found, list) else frozenset()


def _brings_token(request: Request, cookie: str) -> bool:
    return "authorization" in request.headers or cookie in request.cookies


def refuse_other_sites(request: Request) -> None:
    """Raises ``Forbidden`` for a change that another site had the browser ask for: a cookie comes along on its own."""
    origin = request.headers.get("origin")
    if request.method in SAFE_METHODS or (origin is None and request.headers.get("sec-fetch-site") == "same-origin"):
        return
    if origin is None or origin.partition("://")[2] != request.headers.get("host"):
        raise Forbidden(N_("the request comes from another site"))
