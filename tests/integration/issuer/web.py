"""A small web of sites without sockets: the issuer, two services, and browsers that follow where they are sent."""

from __future__ import annotations

import base64
import json
import re
import time as real_time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from deploy.local.issuer.accounts import WayIn, ways_in
from deploy.local.issuer.app import create_app as issuer_app
from deploy.local.issuer.keys import SigningKeys
from deploy.local.issuer.store import Store
from deploy.local.layout import Layout
from deploy.local.tokens import client_secrets
from shared.access.grants import NOTHING
from shared.edge.auth import Authenticator, Trust
from shared.edge.errors import Unauthenticated
from shared.edge.health import Health
from shared.edge.http import CurrentActor, Standings, create_app, public
from shared.edge.issuer import Issuer
from shared.edge.rates import Rates
from shared.edge.sign_in import Client, SignIn
from shared.edge.sign_in import router as sign_in_routes

ISSUER = "http://localhost:8100"
HTML = {"accept": "text/html"}
SERVICES = {"callcenter": "http://callcenter.test", "marketing": "http://marketing.test"}


@dataclass
class Time:
    """A clock that stands until it is moved."""

    now: float = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now

    def instant(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)


class Web(httpx.BaseTransport):
    """Takes a request to the site it is for; one that isn't there can't be connected to."""

    def __init__(self) -> None:
        self.sites: dict[str, httpx.BaseTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        site = self.sites.get(f"{request.url.scheme}://{request.url.netloc.decode()}")
        if site is None:
            raise httpx.ConnectError("there is nobody", request=request)
        return site.handle_request(request)

    def add(self, url: str, app: FastAPI, address: str = "testclient") -> None:
        client = TestClient(app, base_url=url, client=(address, 50000), raise_server_exceptions=True)
        self.sites[url] = client._transport


class Browser(httpx.Client):
    """Keeps cookies, follows redirects, fills in the issuer's form."""

    def __init__(self, web: httpx.BaseTransport) -> None:
        super().__init__(transport=web, follow_redirects=True, headers=HTML)

    def sign_in(self, url: str, name: str, way: WayIn, at: float) -> httpx.Response:
        """Open a page, and sign in when asked to."""
        page = self.get(url)
        return self.fill(page, name, way.password, way.code(at)) if 'name="password"' in page.text else page

    def fill(self, page: httpx.Response, name: str, password: str, code: str = "") -> httpx.Response:
        """Fill in the form of that page and send it."""
        typed = {"form": field_of(page, "form"), "name": name, "password": password, "code": code}
        return self.post(page.url, data=typed)

    def kept(self, name: str) -> str | None:
        """The value of a cookie."""
        return next((cookie.value for cookie in self.cookies.jar if cookie.name == name), None)


def field_of(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, page.text
    return found[1]


@dataclass
class Site:
    """A service, with what it keeps of ended sessions."""

    app: FastAPI
    issuer: Issuer
    authenticator: Authenticator
    ended: list[tuple[str, str, float]] = field(default_factory=list)


@dataclass
class World:
    """Everything there is."""

    place: Layout
    web: Web
    time: Time
    issuer: FastAPI
    sites: dict[str, Site]
    ways: dict[str, WayIn]
    keys: SigningKeys
    monotonic: Time

    def browser(self) -> Browser:
        return Browser(self.web)

    def signed_in(self, name: str = "anna", url: str = f"{SERVICES['callcenter']}/me") -> Browser:
        """A browser in which somebody signed in."""
        browser = self.browser()
        answer = browser.sign_in(url, name, self.ways[name], self.time())
        assert answer.status_code == 200, answer.text
        assert answer.json()["id"] == name
        return browser

    def issuer_store(self) -> Store:
        """What the issuer remembers."""
        return Store(self.place.secrets / "issuer.sqlite")

    def token(self, browser_form: dict[str, str], service: str = "callcenter") -> httpx.Response:
        """Ask the issuer for tokens as a service does."""
        secret = client_secrets(self.place)[service]
        with httpx.Client(transport=self.web) as client:
            return client.post(f"{ISSUER}/token", data=browser_form, auth=(service, secret))


def service(world_web: Web, place: Layout, name: str, time: Time, monotonic: Time, **trust: Any) -> Site:
    """A service of two pages, wired as every service is."""
    ended: list[tuple[str, str, float]] = []

    def refuse(subject: str, session: str, issued: float) -> None:
        for whose, which, at in ended:
            if (whose in ("", subject)) and (which in ("", session)) and issued <= at:
                raise Unauthenticated("this session was ended")

    issuer = Issuer(trust.pop("url", ISSUER), world_web, monotonic)
    made = Trust(**{"issuer": issuer.url, "audience": "crm", "cookie": f"crm_{name}", **trust})
    authenticator = Authenticator(issuer, made, time.instant, refuse, Rates(60_000, 60))
    client = Client(
        id=name,
        secret=client_secrets(place)[name],
        url=SERVICES[name],
        cookie=f"crm_{name}",
        carries_id_token=bool(made.cookie_audience),
    )
    sign_in = SignIn(client, issuer, authenticator, lambda *one: ended.append(one), time)
    routes = APIRouter()

    @routes.get("/me")
    async def me(actor: CurrentActor) -> dict[str, Any]:
        return {"id": actor.id, "roles": sorted(actor.roles), "teams": sorted(actor.teams), "session": actor.session}

    @routes.post("/change")
    async def change(actor: CurrentActor) -> dict[str, str]:
        return {"by": actor.id}

    @routes.get("/signed-out")
    @public
    async def signed_out(why: str = "") -> dict[str, str]:
        return {"why": why}

    all_routes = [routes, sign_in_routes(sign_in, public)]
    app = create_app(name, authenticator, all_routes, Health(), Standings(lambda _: NOTHING))
    return Site(app, issuer, authenticator, ended)


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """The issuer and two services."""
    place, web, time, monotonic = Layout(folder), Web(), Time(), Time(1000.0)
    app = issuer_app(place, ISSUER, SERVICES, time, web)
    web.add(ISSUER, app)
    sites = {name: service(web, place, name, time, monotonic) for name in SERVICES}
    for name, site in sites.items():
        web.add(SERVICES[name], site.app)
    keys = SigningKeys(place.secrets / "token-keys.json", time)
    with ExitStack() as stack:
        stack.enter_context(TestClient(app))
        yield World(place, web, time, app, sites, ways_in(place), keys, monotonic)


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, unchecked."""
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def wait_ready(url: str) -> None:
    """Wait until a process answers there."""
    deadline = real_time.monotonic() + 60
    while True:
        try:
            if httpx.get(url, trust_env=False).is_success:
                return
        except httpx.TransportError:
            assert real_time.monotonic() < deadline
            real_time.sleep(0.05)
