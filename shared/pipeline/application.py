"""The web application of a service, with what has to run beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from sqlalchemy.orm import Session

from shared.edge.actor import Actor
from shared.edge.auth import Authenticator
from shared.edge.http import Standings, create_app
from shared.edge.live import Live
from shared.edge.settings import Settings
from shared.edge.statements import run
from shared.pipeline import audit
from shared.pipeline.service import Service


def application(title: str, settings: Settings, of: Service, live: Live, routers: Sequence[APIRouter]) -> FastAPI:
    """The API and the pages of ``of``. While it runs, ``live`` hears; when it ends, the service's connections do."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with of.standing.running():
            async with live.running():
                yield
        of.wakeup.close()
        of.engine.dispose()

    def refused(actor: Actor, route: str, subject: str, why: str) -> None:
        with Session(of.engine) as session:
            run(session, audit.INSERT, audit.refused(actor, of.clock(), route, subject, why))
            session.commit()

    authenticator = Authenticator(
        settings.jwks_file, settings.token_issuer, settings.token_audience, of.clock, of.standing.refuse_if_ended
    )
    standings = Standings(of.standing.grants_of, refused)
    return create_app(title, authenticator, routers, of.engine, standings, lifespan=lifespan)
