"""The part of a customer's page that follows what other services say, and the stream that says when."""

from collections.abc import AsyncIterable
from functools import partial

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from services.callcenter.insights import reads
from shared.access.actions import Action
from shared.edge.actor import Actor
from shared.edge.http import Again, CurrentActor
from shared.edge.inputs import Id
from shared.edge.live import Live, changes, topic
from shared.pipeline import clusters
from shared.pipeline.service import Service
from shared.web.render import Pages


def router(service: Service, live: Live, pages: Pages) -> APIRouter:
    """What of a customer's page refreshes by itself."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/customers/{customer}/insights")
    def insights(request: Request, customer: Id, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            return pages.answer(request, "insights.html", insights=reads.insights(look, str(customer)))

    def topics(member: str, actor: Actor) -> set[str]:
        with service.look(actor) as look:
            look.see(Action.CUSTOMER_READ, member)
            mates = clusters.mates_of(look.session, [member])[member]
            return {topic("customer", mate) for mate in look.fields(Action.CUSTOMER_READ, mates)}

    def admitted(customer: Id, actor: CurrentActor) -> None:
        topics(str(customer), actor)

    # Asked before the answer begins, so that who may not listen is told so.
    @routes.get("/customers/{customer}/live", response_class=EventSourceResponse, dependencies=[Depends(admitted)])
    async def stream(customer: Id, again: Again) -> AsyncIterable[ServerSentEvent]:
        async for event in changes(live, again, partial(topics, str(customer))):
            yield event

    return routes
