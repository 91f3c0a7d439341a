"""The web application of a service, with what has to run beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from shared.edge.auth import Authenticator
from shared.edge.http import create_app
from shared.edge.live import Live
from shared.edge.settings import Settings
from shared.pipeline.service import Service


def application(title: str, settings: Settings, of: Service, live: Live, routers: Sequence[APIRouter]) -> FastAPI:
    """The API and the pages of ``of``. While it runs, ``live`` hears; when it ends, the service's connections do."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with live.running():
            yield
        of.wakeup.close()
        of.engine.dispose()

    authenticator = Authenticator(settings.jwks_file, settings.token_issuer, settings.token_audience, of.clock)
    return create_app(title, authenticator, routers, of.engine, lifespan=lifespan)
