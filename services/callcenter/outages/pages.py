"""The supervisor's page: what the live windows show, and outages to decide on."""

from collections.abc import AsyncIterable
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy.orm import Session

from services.callcenter.desk.streams import changes
from services.callcenter.outages import reads
from services.callcenter.outages.handlers import LIVE
from services.callcenter.streams import reads as streams
from shared.edge.actor import Actor
from shared.edge.http import CurrentActor
from shared.edge.live import Live
from shared.pipeline.service import Service
from shared.web.render import Pages

SILENT = timedelta(minutes=3)
"""Windows older than this aren't counted any more: who counts speaks every minute."""


def supervising_actor(actor: CurrentActor) -> Actor:
    """The actor. Raises ``Forbidden`` before anything is sent, unless it is a supervisor."""
    actor.need("supervisor")
    return actor


Supervisor = Annotated[Actor, Depends(supervising_actor)]


def router(service: Service, live: Live, pages: Pages) -> APIRouter:
    """The supervisor's page."""
    routes = APIRouter(include_in_schema=False)

    def shown() -> dict[str, Any]:
        with Session(service.engine) as session:
            windows = streams.windows(session)
            outages = reads.some(session)
        silent = not windows or service.clock() - windows[0].at > SILENT
        return {"windows": windows, "silent": silent, "outages": outages}

    @routes.get("/supervisor")
    def page(request: Request, supervisor: Supervisor) -> HTMLResponse:
        return pages.answer(request, "supervisor.html", **shown())

    @routes.get("/supervisor/windows")
    def windows(request: Request, supervisor: Supervisor) -> HTMLResponse:
        return pages.answer(request, "windows.html", **shown())

    @routes.get("/supervisor/outages")
    def outages(request: Request, supervisor: Supervisor) -> HTMLResponse:
        return pages.answer(request, "outages.html", **shown())

    @routes.get("/supervisor/live", response_class=EventSourceResponse)
    async def stream(supervisor: Supervisor) -> AsyncIterable[ServerSentEvent]:
        async for event in changes(live, lambda: {LIVE}):
            yield event

    return routes
