"""The part of a customer's page that follows what other services say, and the stream that says when."""

from collections.abc import AsyncIterable
from dataclasses import replace
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from services.callcenter.desk import reads as desk
from services.callcenter.desk.dock import Dock
from services.callcenter.insights import reads
from shared.access.actions import Action
from shared.edge.actor import Actor
from shared.edge.http import Again, CurrentActor
from shared.edge.inputs import Id
from shared.edge.live import Live, Told, changes, topic
from shared.pipeline import clusters
from shared.pipeline.service import Service
from shared.web.render import Pages


def router(service: Service, live: Live, pages: Pages, dock: Dock) -> APIRouter:
    """What of a customer's page refreshes by itself."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/customers/{customer}/insights")
    def insights(request: Request, customer: Id, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            known = reads.insights(look, str(customer))
            return pages.answer(request, "insights.html", insights=known, choices=desk.choices(look))

    @routes.get("/customers/{customer}/timeline")
    def timeline(
        request: Request,
        customer: Id,
        actor: CurrentActor,
        kind: Literal["", "contact", "case", "order", "note"] = "",
        most: Annotated[int, Query(ge=1, le=reads.LONGEST_TIMELINE)] = reads.MOST_LINES,
    ) -> HTMLResponse:
        with service.look(actor) as look:
            shown = reads.timeline(look, str(customer), (kind,) if kind else reads.KINDS, most)
            return pages.answer(request, "timeline.html", member=str(customer), kind=kind, most=most, timeline=shown)

    def told(request: Request, member: str, actor: Actor) -> Told:
        with service.look(actor) as look:
            look.see(Action.CUSTOMER_READ, member)
            mates = look.fields(Action.CUSTOMER_READ, clusters.mates(look.session, member))
            around = dock.told(request, look)
            return replace(around, topics={*around.topics, *(topic("customer", mate) for mate in mates)})

    def admitted(customer: Id, actor: CurrentActor) -> None:
        live.refuse_if_many(actor)
        with service.look(actor) as look:
            look.see(Action.CUSTOMER_READ, str(customer))

    # Asked before the answer begins, so that who may not listen is told so.
    @routes.get("/customers/{customer}/live", response_class=EventSourceResponse, dependencies=[Depends(admitted)])
    async def stream(request: Request, customer: Id, again: Again) -> AsyncIterable[ServerSentEvent]:
        async for event in changes(live, again, partial(told, request, str(customer)), dock.pulse.goes_on):
            yield event

    return routes
