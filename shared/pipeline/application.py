"""The web application of a service, with what has to run beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI
from sqlalchemy.orm import Session

from shared.edge.actor import Actor
from shared.edge.auth import Authenticator, Trust
from shared.edge.health import Health
from shared.edge.http import ProblemPage, Standings, create_app, public
from shared.edge.issuer import Issuer, KeyFile, Keys
from shared.edge.live import Live
from shared.edge.rates import Rates
from shared.edge.settings import BadSettings, Settings
from shared.edge.sign_in import Client, SignIn
from shared.edge.sign_in import router as sign_in_routes
from shared.edge.statements import run
from shared.pipeline import audit, readiness, standing
from shared.pipeline.service import Service
from shared.texts import Text


def application(
    title: str,
    settings: Settings,
    of: Service,
    live: Live,
    routers: Sequence[APIRouter],
    problem_page: ProblemPage | None = None,
) -> FastAPI:
    """The API and the pages of ``of``. While it runs, ``live`` hears; when it ends, the service's connections do.
    ``problem_page``: see ``create_app``."""

    is_url = settings.token_issuer.startswith(("https://", "http://"))
    issuer = Issuer(settings.token_issuer) if is_url else None
    keys: Keys | None = KeyFile(settings.jwks_file) if settings.jwks_file else issuer
    if keys is None:
        raise BadSettings(f"CRM_TOKEN_ISSUER is {settings.token_issuer!r}: without CRM_JWKS_FILE it must be a URL")
    # Not Kafka: without it people work on, and what they do is sent later.
    health = Health([readiness.database(settings.database_url, of.versions), readiness.issuer(keys)])
    looking = issuer.running(health) if issuer and not settings.jwks_file else nullcontext()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with of.standing.running(health), looking, health.running():
            async with live.running(health):
                yield
        of.wakeup.close()
        of.engine.dispose()

    def refused(actor: Actor, route: str, subject: str, why: Text) -> None:
        with Session(of.engine) as session:
            run(session, audit.INSERT, audit.refused(actor, of.clock(), route, subject, why))
            session.commit()

    def end(subject: str, session: str, at: float) -> None:
        with Session(of.engine) as opened:
            standing.end(opened, subject=subject, session_id=session, at=datetime.fromtimestamp(at, UTC))
            opened.commit()

    rates = Rates(settings.requests_a_minute, settings.failures_a_minute)
    authenticator = Authenticator(
        keys, trust_of(settings), of.clock, of.standing.refuse_if_ended, rates, settings.longest_token_seconds
    )
    sign_in = SignIn(client_of(settings), issuer, authenticator, end, lambda: of.clock().timestamp())
    standings = Standings(of.standing.grants_of, refused)
    routes = [*routers, sign_in_routes(sign_in, public)]
    forms_to = "{0.scheme}://{0.netloc}".format(urlsplit(settings.token_issuer)) if is_url else ""
    app = create_app(title, authenticator, routes, health, standings, forms_to, problem_page, lifespan=lifespan)
    app.state.health, app.state.live = health, live
    return app


def trust_of(settings: Settings) -> Trust:
    """Whose tokens a service takes."""
    of_pages = client_of(settings)
    return Trust(
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        roles=settings.token_roles,
        teams=settings.token_teams,
        cookie=of_pages.cookie,
        cookie_audience=of_pages.id if of_pages.carries_id_token else "",
    )


def client_of(settings: Settings) -> Client:
    """A service as its issuer knows it. Services may share a host's name, so each has cookies of its own."""
    return Client(
        id=settings.client_id or settings.service,
        secret=settings.client_secret,
        url=settings.urls.get(settings.service, ""),
        cookie=f"crm_{settings.service}",
        carries_id_token=settings.page_token == "id_token",  # noqa: S105
    )
