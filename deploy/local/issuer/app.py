"""The issuer's web application: OpenID Connect's endpoints."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse

from deploy.local import private
from deploy.local.issuer.accounts import Accounts, ways_in
from deploy.local.issuer.clients import METHODS, SCOPES, registered
from deploy.local.issuer.forms import Form
from deploy.local.issuer.granting import Asked, Issuing, Server
from deploy.local.issuer.guesses import Browser, Guesses
from deploy.local.issuer.keys import ALGORITHM, SigningKeys
from deploy.local.issuer.leaving import Teller
from deploy.local.issuer.pages import STYLE, Pages
from deploy.local.issuer.sessions import Sessions
from deploy.local.issuer.signing_in import SigningIn
from deploy.local.issuer.store import Store, new_secret
from deploy.local.issuer.visiting import Visitors
from deploy.local.layout import ROOT, Layout

BUILT = ROOT / "build" / "web"
NOSNIFF = {"x-content-type-options": "nosniff"}


def create_app(
    place: Layout,
    name: str,
    urls: Mapping[str, str],
    clock: Callable[[], float] = time.time,
    transport: httpx.BaseTransport | None = None,
) -> FastAPI:
    """The issuer called ``name``, for services at ``urls``; ``transport``: how it reaches them."""
    store = Store(place.secrets / "issuer.sqlite")
    keys = SigningKeys(place.secrets / "token-keys.json", clock)
    accounts, sessions, clients = Accounts(store, clock), Sessions(store, clock), registered(place, urls)
    accounts.admit(ways_in(place))
    teller = Teller(name, keys, clients, clock, transport)
    sessions.on_end = teller.tell
    server = Server(Issuing(name, store, keys, accounts, sessions, clients, clock))
    browser = Browser(private.kept(place.secrets / "browser-marks", new_secret))
    pages = Pages([client.url for client in clients.values() if client.url])

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        teller.close()
        store.close()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    _add_documents(app, name, keys)
    _add_endpoints(app, name, server)
    visitors = Visitors(server, pages, accounts, sessions, SigningIn(accounts, sessions, Guesses(), browser))
    app.include_router(visitors.router())
    return app


def _add_documents(app: FastAPI, name: str, keys: SigningKeys) -> None:
    @app.get("/.well-known/openid-configuration")
    def discovery() -> dict[str, Any]:
        return {
            "issuer": name,
            "authorization_endpoint": f"{name}/authorize",
            "token_endpoint": f"{name}/token",
            "revocation_endpoint": f"{name}/revoke",
            "end_session_endpoint": f"{name}/end-session",
            "jwks_uri": f"{name}/jwks",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "code_challenge_methods_supported": ["S256"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "token_endpoint_auth_methods_supported": sorted(METHODS),
            "scopes_supported": list(SCOPES),
            "backchannel_logout_supported": True,
            "backchannel_logout_session_supported": True,
        }

    @app.get("/jwks")
    def jwks() -> dict[str, Any]:
        return keys.public()

    @app.get("/style.css")
    def style() -> Response:
        return PlainTextResponse(STYLE, media_type="text/css", headers=NOSNIFF)

    @app.get("/page.css")
    def page_style() -> Response:
        return _built("page.css", "text/css")

    @app.get("/icon.svg")
    def icon() -> Response:
        return _built("icon.svg", "image/svg+xml")


def _built(name: str, kind: str) -> Response:
    """What the platform's pages are made of, for the same look; where nothing was built, forms work without."""
    path = BUILT / name
    return FileResponse(path, media_type=kind, headers=NOSNIFF) if path.exists() else Response(media_type=kind)


def _add_endpoints(app: FastAPI, name: str, server: Server) -> None:
    @app.post("/token")
    def token(request: Request, form: Form) -> Response:
        answer: Response = server.create_token_response(Asked(request, name, form))
        return answer

    @app.post("/revoke")
    def revoke(request: Request, form: Form) -> Response:
        answer: Response = server.create_endpoint_response("revocation", Asked(request, name, form))
        return answer

    @app.get("/healthz")
    def healthz() -> Response:
        return JSONResponse({"status": "ok"})
