"""The console's application: sign-in as at the services, pages, and the readings that run beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI

from deploy.console import pages as console_pages
from deploy.console.asking import Services
from deploy.console.readings import Processes, Prometheus, Readings, Source
from deploy.console.settings import ConsoleSettings
from shared.access.grants import NOTHING
from shared.edge.auth import Authenticator, Trust
from shared.edge.clock import system_clock
from shared.edge.errors import Unauthenticated
from shared.edge.health import Health
from shared.edge.http import Standings, create_app, public
from shared.edge.issuer import Issuer, KeyFile, Keys
from shared.edge.rates import Rates
from shared.edge.sign_in import Client, SignIn
from shared.edge.sign_in import router as sign_in_routes
from shared.pipeline import readiness
from shared.texts import N_
from shared.web import pages as web
from shared.web.render import Pages

REQUESTS_A_MINUTE, FAILURES_A_MINUTE = 6_000, 60
NAV = {"/": N_("Start"), "/operations": N_("Operations")}


class Ended:
    """Sessions that the issuer ended, as long as the process lives: each service knows for itself and for longer."""

    def __init__(self) -> None:
        self._at: dict[tuple[str, str], float] = {}

    def end(self, subject: str, session: str, at: float) -> None:
        """Tokens of this subject or session (either may be empty) issued until then aren't good any more."""
        self._at[subject, session] = at

    def refuse(self, subject: str, session: str, issued: float) -> None:
        """Raises ``Unauthenticated``."""
        for key in ((subject, ""), ("", session), (subject, session)):
            if issued <= self._at.get(key, float("-inf")):
                raise Unauthenticated(N_("this session was ended; sign in again"))


def source(settings: ConsoleSettings) -> Source:
    """Where the figures come from."""
    return Prometheus(settings.prometheus) if settings.prometheus else Processes(settings.targets)


def app(settings: ConsoleSettings, readings: Readings | None = None) -> FastAPI:
    """The console."""
    client = Client(settings.client_id, settings.client_secret, settings.url, "crm_console")
    issuer = Issuer(settings.issuer) if settings.issuer.startswith(("http://", "https://")) else None
    keys: Keys | None = KeyFile(settings.jwks_file) if settings.jwks_file else issuer
    assert keys is not None, "an issuer that isn't a URL needs CRM_JWKS_FILE"
    looking = issuer.running() if issuer and not settings.jwks_file else nullcontext()
    ended, trust = Ended(), Trust(settings.issuer, settings.audience, cookie=client.cookie)
    rates = Rates(REQUESTS_A_MINUTE, FAILURES_A_MINUTE)
    authenticator = Authenticator(keys, trust, system_clock, ended.refuse, rates)
    sign_in = SignIn(client, issuer, authenticator, ended.end, lambda: system_clock().timestamp())
    pages = Pages(N_("Console"), NAV, [Path(__file__).parent / "templates"], console_pages.words)
    known = readings or Readings(source(settings))
    health = Health([readiness.issuer(keys)])

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with looking, health.running(), known.running(health):
            yield

    services = Services(settings.urls, client.cookie)
    routers = [
        web.router(pages),
        console_pages.router(services, known, pages),
        sign_in_routes(sign_in, public),
    ]
    forms_to = "{0.scheme}://{0.netloc}".format(urlsplit(settings.issuer)) if issuer else ""
    standings = Standings(lambda _: NOTHING)
    return create_app("Console", authenticator, routers, health, standings, forms_to, pages.problem, lifespan=lifespan)
