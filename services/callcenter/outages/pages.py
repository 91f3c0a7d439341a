"""The supervisor's page: what the live windows show, and outages to decide on."""

from collections.abc import AsyncIterable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from services.callcenter.desk import reads as desk
from services.callcenter.desk.dock import Dock
from services.callcenter.outages import reads
from services.callcenter.outages.handlers import LIVE
from services.callcenter.outages.rules import QUIET
from services.callcenter.streams import reads as streams
from shared.access.actions import Action
from shared.edge.actor import Actor
from shared.edge.http import Again, CurrentActor
from shared.edge.live import Live, Told, changes
from shared.pipeline.look import Look
from shared.pipeline.service import Service
from shared.web.render import Pages

SILENT = timedelta(minutes=3)
"""Windows older than this aren't counted any more: who counts speaks every minute."""


def router(service: Service, live: Live, pages: Pages, dock: Dock) -> APIRouter:
    """The supervisor's page."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/supervisor")
    def page(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            return pages.answer(request, "supervisor.html", **{**_wall(look), **_outages(look)})

    @routes.get("/supervisor/windows")
    def windows(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            return pages.answer(request, "windows.html", **_wall(look))

    @routes.get("/supervisor/outages")
    def outages(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            return pages.answer(request, "outages.html", **_outages(look))

    def told(request: Request, actor: Actor) -> Told:
        with service.look(actor) as look:
            look.need(Action.OUTAGE_DECIDE)
            around = dock.told(request, look)
            return replace(around, topics={LIVE, *around.topics})

    def admitted(actor: CurrentActor) -> None:
        live.refuse_if_many(actor)
        with service.look(actor) as look:
            look.need(Action.OUTAGE_DECIDE)

    # Asked before the answer begins, so that who may not listen is told so.
    @routes.get("/supervisor/live", response_class=EventSourceResponse, dependencies=[Depends(admitted)])
    async def stream(request: Request, again: Again) -> AsyncIterable[ServerSentEvent]:
        async for event in changes(live, again, partial(told, request), dock.pulse.goes_on):
            yield event

    return routes


def _wall(look: Look) -> dict[str, Any]:
    windows = streams.windows(look)
    return {
        "windows": windows,
        "silent": not windows or look.now - windows[0].at > SILENT,
        "wall": streams.wall(look),
        "agents": [(one, *one.shown(look.now)) for one in desk.agents(look)],
        "choices": desk.choices(look),
        "now": look.now,
    }


def _outages(look: Look) -> dict[str, Any]:
    look.need(Action.OUTAGE_DECIDE)
    outages = reads.some(look)
    asked = [one.id for one in outages if one.state != "dismissed"]
    return {
        "outages": outages,
        "evidence": reads.evidence(look, asked),
        "choices": desk.choices(look),
        "undoable_since": look.now - QUIET,
        "now": look.now,
    }
