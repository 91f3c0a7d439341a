"""The supervisor's page: what the live windows show, and outages to decide on."""

from collections.abc import AsyncIterable
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from services.callcenter.desk import reads as desk
from services.callcenter.outages import reads
from services.callcenter.outages.handlers import LIVE
from services.callcenter.streams import reads as streams
from shared.access.actions import Action
from shared.edge.actor import Actor
from shared.edge.http import Again, CurrentActor
from shared.edge.live import Live, changes
from shared.pipeline.service import Service
from shared.web.render import Pages

SILENT = timedelta(minutes=3)
"""Windows older than this aren't counted any more: who counts speaks every minute."""


def router(service: Service, live: Live, pages: Pages) -> APIRouter:
    """The supervisor's page."""
    routes = APIRouter(include_in_schema=False)

    def shown(actor: Actor) -> dict[str, Any]:
        with service.look(actor) as look:
            windows = streams.windows(look)
            outages = reads.some(look)
        silent = not windows or service.clock() - windows[0].at > SILENT
        return {"windows": windows, "silent": silent, "outages": outages}

    @routes.get("/supervisor")
    def page(request: Request, actor: CurrentActor) -> HTMLResponse:
        return pages.answer(request, "supervisor.html", **shown(actor))

    @routes.get("/supervisor/windows")
    def windows(request: Request, actor: CurrentActor) -> HTMLResponse:
        return pages.answer(request, "windows.html", **shown(actor))

    @routes.get("/supervisor/outages")
    def outages(request: Request, actor: CurrentActor) -> HTMLResponse:
        return pages.answer(request, "outages.html", **shown(actor))

    def topics(actor: Actor) -> set[str]:
        with service.look(actor) as look:
            look.need(Action.OUTAGE_DECIDE)
            around = desk.topics(look) if look.may(Action.DESK_USE) else set()
            return {LIVE, *around}

    def admitted(actor: CurrentActor) -> None:
        live.refuse_if_many(actor)
        topics(actor)

    # Asked before the answer begins, so that who may not listen is told so.
    @routes.get("/supervisor/live", response_class=EventSourceResponse, dependencies=[Depends(admitted)])
    async def stream(again: Again) -> AsyncIterable[ServerSentEvent]:
        async for event in changes(live, again, topics):
            yield event

    return routes
