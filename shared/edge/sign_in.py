"""Signing in with an OpenID Connect issuer: code flow with PKCE, renewal, sign-out, and the issuer's word that a
session ended.

What a browser keeps: the access token, for every path; the refresh token and the ID token, each for the one path that
needs it. No script can read them, and none of them is kept here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import structlog
from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from shared.edge.auth import Authenticator, refuse_other_sites
from shared.edge.errors import Refused, Unauthenticated, Unavailable
from shared.edge.issuer import Issuer
from shared.texts import N_

FLOW_SECONDS = 600
RENEWABLE_SECONDS = 12 * 3600
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_AGE_SECONDS = 300
RENEW, END, DONE = "/session/renew", "/session/end", "/signed-in"

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Client:
    """A service as its issuer knows it."""

    id: str
    secret: str
    url: str
    """Where people find it; empty: as the request names it."""
    cookie: str
    scope: str = "openid profile"
    carries_id_token: bool = False
    """Pages carry the ID token in place of the access token: for issuers whose access tokens only they can read."""


@dataclass
class SignIn:
    """Signs people in and out. ``end``: ends sessions here, by subject, session (either may be empty) and instant."""

    client: Client
    issuer: Issuer | None
    authenticator: Authenticator
    end: Callable[[str, str, float], None]
    clock: Callable[[], float] = time.time
    _told: dict[str, float] = field(default_factory=dict)
    """Logout tokens that were taken, by their name, and when they end."""

    def begin(self, request: Request, wanted: str, again: bool) -> Response:
        """Send somebody to the issuer."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        asked = {
            "response_type": "code",
            "client_id": self.client.id,
            "redirect_uri": f"{self._url(request)}{DONE}",
            "scope": self.client.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": _base64(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        } | ({"prompt": "login"} if again else {})
        try:
            to = self._at("authorization_endpoint")
        except Unavailable:
            return _said("away")
        answer = RedirectResponse(f"{to}{'&' if '?' in to else '?'}{urlencode(asked)}", 303)
        flow = {"state": state, "nonce": nonce, "verifier": verifier, "to": own_path(wanted)}
        # A name of its own, so that two sign-ins at the same time don't get in each other's way.
        self._set(request, answer, self._flow_cookie(state), _base64(json.dumps(flow).encode()), DONE, FLOW_SECONDS)
        return answer

    def finish(self, request: Request) -> Response:
        """The issuer sent somebody back: with a code for tokens, or without."""
        name = self._flow_cookie(request.query_params.get("state", ""))
        try:
            flow = json.loads(_bytes(request.cookies.get(name, "")))
            tokens = self._tokens(request, flow)
        except Unavailable:
            answer = _said("away")
        except (Refused, ValueError, KeyError, TypeError) as error:
            log.warning("sign_in.failed", error=type(error).__name__)
            answer = _said("failed")
        else:
            answer = RedirectResponse(own_path(flow["to"]), 303)
            self._keep(request, answer, tokens)
        answer.delete_cookie(name, path=DONE)
        return answer

    def renew(self, request: Request) -> Response:
        """A page asks for another access token before its own ends. Raises ``Unauthenticated`` when there is none."""
        refuse_other_sites(request)
        kept = request.cookies.get(self._name("renew"))
        if not kept:
            raise Unauthenticated(N_("this session can't be renewed; sign in again"))
        tokens = self._ask({"grant_type": "refresh_token", "refresh_token": kept})
        self.authenticator.verify_page(self._carried(tokens))
        answer = JSONResponse({"seconds": _seconds(tokens)})
        self._keep(request, answer, tokens)
        return answer

    def leave(self, request: Request) -> Response:
        """Sign out: here at once, and at the issuer, which tells the other services."""
        refuse_other_sites(request)
        try:
            actor = self.authenticator.verify_page(request.cookies.get(self.client.cookie, ""))
            if actor.session:
                self.end("", actor.session, self.clock())
        except Refused:
            pass  # a token that is over needs no end
        answer = RedirectResponse(self._farewell(request), 303)
        for name, path in self._cookies():
            answer.delete_cookie(name, path=path)
        return answer

    def ended(self, token: str) -> Response:
        """The issuer says that a session ended (Back-Channel Logout 1.0). Raises ``Refused``."""
        claims = self.authenticator.claims(token, self.client.id, iat={"essential": True}, jti={"essential": True})
        now, issued = self.clock(), float(claims["iat"])
        events = claims.get("events")
        if not isinstance(events, Mapping) or LOGOUT_EVENT not in events or "nonce" in claims:
            raise Refused(N_("this isn't a logout token"))
        if not (claims.get("sub") or claims.get("sid")) or abs(now - issued) > LOGOUT_AGE_SECONDS:
            raise Refused(N_("the logout token says nothing of who, or is too old"))
        self._told = {name: until for name, until in self._told.items() if until > now}
        if claims["jti"] in self._told:
            raise Refused(N_("the logout token was used before"))
        self._told[str(claims["jti"])] = now + 2 * LOGOUT_AGE_SECONDS
        sid = str(claims.get("sid", ""))
        # As of when it was said, so that one that comes again later ends nothing that began since.
        self.end("" if sid else str(claims["sub"]), sid, issued)
        return JSONResponse({})

    def _tokens(self, request: Request, flow: dict[str, str]) -> dict[str, Any]:
        """The tokens for a code. Raises ``Refused`` unless everything belongs to the flow that this browser began."""
        query = request.query_params
        if not secrets.compare_digest(flow["state"].encode(), query.get("state", "").encode()) or "code" not in query:
            raise Unauthenticated(N_("the issuer's answer belongs to no sign-in of this browser"))
        tokens = self._ask(
            {
                "grant_type": "authorization_code",
                "code": query["code"],
                "redirect_uri": f"{self._url(request)}{DONE}",
                "code_verifier": flow["verifier"],
            }
        )
        identity = self.authenticator.claims(
            str(tokens["id_token"]), self.client.id, nonce={"essential": True, "value": flow["nonce"]}
        )
        if identity.get("azp", self.client.id) != self.client.id:
            raise Unauthenticated(N_("the ID token was made for another client"))
        if self.authenticator.verify_page(self._carried(tokens)).id != identity.get("sub"):
            raise Unauthenticated(N_("the tokens are of different people"))
        return tokens

    def _ask(self, form: dict[str, str]) -> dict[str, Any]:
        """What the issuer gives for a code or a refresh token."""
        to = self._at("token_endpoint")
        assert self.issuer is not None
        auth = httpx.BasicAuth(self.client.id, self.client.secret) if self.client.secret else None
        form = form if auth else {**form, "client_id": self.client.id}
        try:
            answer = self.issuer.http.post(to, data=form, auth=auth or httpx.USE_CLIENT_DEFAULT)
            found: dict[str, Any] = answer.json() if answer.is_success else {}
        except (httpx.HTTPError, ValueError):
            raise Unavailable(N_("the issuer of access tokens doesn't answer just now; try again")) from None
        if answer.status_code >= 500 or answer.status_code == 429:
            raise Unavailable(N_("the issuer of access tokens can't answer just now; try again"))
        if not answer.is_success:
            raise Unauthenticated(N_("the issuer gives no tokens for this; sign in again"))
        return found

    def _carried(self, tokens: dict[str, Any]) -> str:
        name = "id_token" if self.client.carries_id_token else "access_token"
        if not isinstance(tokens.get(name), str):
            raise Unauthenticated(N_("the issuer gave no %(name)s; sign in again"), name=name)
        return str(tokens[name])

    def _keep(self, request: Request, answer: Response, tokens: dict[str, Any]) -> None:
        seconds = _seconds(tokens)
        self._set(request, answer, self.client.cookie, self._carried(tokens), "/", seconds)
        for name, token, path in (("renew", "refresh_token", RENEW), ("identity", "id_token", END)):
            if token in tokens:
                self._set(request, answer, self._name(name), str(tokens[token]), path, RENEWABLE_SECONDS)

    def _farewell(self, request: Request) -> str:
        try:
            to = self._at("end_session_endpoint")
        except Unavailable:
            to = ""
        if not to:
            return "/signed-out"
        asked = {"client_id": self.client.id, "post_logout_redirect_uri": f"{self._url(request)}/signed-out"}
        if hint := request.cookies.get(self._name("identity")):
            asked["id_token_hint"] = hint
        return f"{to}{'&' if '?' in to else '?'}{urlencode(asked)}"

    def _at(self, endpoint: str) -> str:
        if self.issuer is None:
            raise Unavailable(N_("the issuer of access tokens has no pages to sign in"))
        return self.issuer.address(endpoint)

    def _url(self, request: Request) -> str:
        return (self.client.url or str(request.base_url)).rstrip("/")

    def _set(self, request: Request, answer: Response, name: str, value: str, path: str, seconds: int) -> None:
        secure = self._url(request).startswith("https:")
        # Lax and not strict: the issuer, which is another site, sends people back here.
        answer.set_cookie(name, value, max_age=seconds, path=path, httponly=True, samesite="lax", secure=secure)

    def _name(self, part: str) -> str:
        return f"{self.client.cookie}_{part}"

    def _flow_cookie(self, state: str) -> str:
        return self._name(f"flow_{hashlib.sha256(state.encode()).hexdigest()[:16]}")

    def _cookies(self) -> list[tuple[str, str]]:
        names = [("renew", RENEW), ("identity", END)]
        return [(self.client.cookie, "/"), *((self._name(name), path) for name, path in names)]


def router(sign_in: SignIn, public: Callable[[Any], Any]) -> APIRouter:
    """The routes of signing in and out, open to anybody."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/sign-in")
    @public
    def begin(request: Request) -> Response:
        query = request.query_params
        return sign_in.begin(request, query.get("return", "/"), "again" in query)

    @routes.get(DONE)
    @public
    def finish(request: Request) -> Response:
        return sign_in.finish(request)

    @routes.post(RENEW)
    @public
    def renew(request: Request) -> Response:
        return sign_in.renew(request)

    @routes.post(END)
    @public
    def leave(request: Request) -> Response:
        return sign_in.leave(request)

    @routes.post("/session/ended")
    @public
    async def ended(request: Request) -> Response:
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        return await run_in_threadpool(sign_in.ended, form.get("logout_token", [""])[0])

    return routes


def own_path(wanted: object) -> str:
    """Where to go after signing in: a path of this service, and nothing that a browser takes for another site."""
    text = wanted if isinstance(wanted, str) else ""
    is_odd = len(text) > 2000 or "\\" in text or any(ord(letter) <= 32 for letter in text)
    if is_odd or not text.startswith("/") or text.startswith("//"):
        return "/"
    parts = urlsplit(text)
    loops = parts.path.startswith(("/sign-in", "/signed-", "/session"))
    return "/" if parts.scheme or parts.netloc or loops else text


def _said(why: str) -> RedirectResponse:
    return RedirectResponse(f"/signed-out?why={why}", 303)


def _seconds(tokens: dict[str, Any]) -> int:
    return max(1, int(tokens.get("expires_in", 300)))


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
