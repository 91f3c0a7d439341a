"""The part of a customer's page that follows what other services say, and the stream that says when."""

from collections.abc import AsyncIterable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy.orm import Session

from services.callcenter.desk.pages import desk_actor
from services.callcenter.desk.streams import changes
from services.callcenter.insights import reads
from shared.edge.actor import Actor
from shared.edge.inputs import Id
from shared.edge.live import Live, topic
from shared.pipeline import clusters
from shared.pipeline.service import Service
from shared.web.render import Pages

Agent = Annotated[Actor, Depends(desk_actor)]


def router(service: Service, live: Live, pages: Pages) -> APIRouter:
    """What of a customer's page refreshes by itself."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/customers/{customer}/insights")
    def insights(request: Request, customer: Id, agent: Agent) -> HTMLResponse:
        with Session(service.engine) as session:
            found = reads.insights(session, str(customer), service.clock())
        return pages.answer(request, "insights.html", insights=found)

    def topics(member: str) -> set[str]:
        with Session(service.engine) as session:
            return {topic("customer", mate) for mate in clusters.mates_of(session, [member])[member]}

    @routes.get("/customers/{customer}/live", response_class=EventSourceResponse)
    async def stream(customer: Id, agent: Agent) -> AsyncIterable[ServerSentEvent]:
        async for event in changes(live, partial(topics, str(customer))):
            yield event

    return routes
