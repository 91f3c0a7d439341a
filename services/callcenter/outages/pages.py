"""The supervisor's page: what the live windows show, and outages to decide on."""

from collections.abc import AsyncIterable
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from services.callcenter.desk import reads as desk
from services.callcenter.desk.pulse import Pulse
from services.callcenter.outages import reads
from services.callcenter.outages.handlers import LIVE
from services.callcenter.outages.rules import QUIET
from services.callcenter.streams import reads as streams
from shared.access.actions import Action
from shared.edge.actor import Actor
from shared.edge.http import Again, CurrentActor
from shared.edge.live import Live, changes
from shared.pipeline.look import Look
from shared.pipeline.service import Service
from shared.web.render import Pages

SILENT = timedelta(minutes=3)
"""Windows older than this aren't counted any more: who counts speaks every minute."""


def router(service: Service, live: Live, pages: Pages, pulse: Pulse) -> APIRouter:
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

    def topics(actor: Actor) -> set[str]:
        with service.look(actor) as look:
            look.need(Action.OUTAGE_DECIDE)
            around = desk.topics(look, pulse) if look.may(Action.DESK_USE) else set()
            return {LIVE, *around}

    def admitted(actor: CurrentActor) -> None:
        live.refuse_if_many(actor)
        topics(actor)

    # Asked before the answer begins, so that who may not listen is told so.
    @routes.get("/supervisor/live", response_class=EventSourceResponse, dependencies=[Depends(admitted)])
    async def stream(again: Again) -> AsyncIterable[ServerSentEvent]:
        async for event in changes(live, again, topics, pulse.goes_on):
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
