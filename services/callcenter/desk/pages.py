"""The agent's page, its parts that refresh by themselves, and the stream that says when."""

from collections.abc import AsyncIterable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import Field
from sqlalchemy.orm import Session

from services.callcenter.customers import reads as customers
from services.callcenter.customers.handlers import DESK
from services.callcenter.desk import handlers, reads
from services.callcenter.desk.streams import changes
from shared.edge.actor import Actor
from shared.edge.http import CurrentActor
from shared.edge.inputs import Code, Input, ShortText
from shared.edge.live import Live, topic
from shared.pipeline.commands import Command, commands
from shared.pipeline.service import Service
from shared.web.render import Pages


class QueuesBody(Input):
    queues: Annotated[list[Code], Field(max_length=100)]


class FindBody(Input):
    words: ShortText


def desk_actor(actor: CurrentActor) -> Actor:
    """The actor. Raises ``Forbidden`` before anything is sent, unless it works at the desk."""
    actor.need(*DESK)
    return actor


Agent = Annotated[Actor, Depends(desk_actor)]


def router(service: Service, live: Live, pages: Pages, region: str) -> APIRouter:
    """The agent's page. ``region``: the country of phone numbers without a country code."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    def desk(request: Request, agent: Agent) -> HTMLResponse:
        with Session(service.engine) as session:
            return pages.answer(
                request,
                "desk.html",
                waiting=reads.waiting(session, agent.id, service.clock()),
                current=reads.current(session, agent.id, service.clock()),
                choices=reads.choices(session),
            )

    @routes.get("/desk/waiting")
    def waiting(request: Request, agent: Agent) -> HTMLResponse:
        with Session(service.engine) as session:
            shown = reads.waiting(session, agent.id, service.clock())
        return pages.answer(request, "waiting.html", waiting=shown)

    @routes.get("/desk/current")
    def current(request: Request, agent: Agent) -> HTMLResponse:
        with Session(service.engine) as session:
            shown = reads.current(session, agent.id, service.clock())
            return pages.answer(request, "current.html", current=shown, choices=reads.choices(session))

    @routes.post("/desk/find")
    def find(request: Request, body: FindBody, agent: Agent) -> HTMLResponse:
        with Session(service.engine) as session:
            return pages.answer(request, "found.html", found=customers.find(session, body.words, region))

    _add_stream(routes, service, live)
    return routes


def presence_router(service: Service) -> APIRouter:
    """The endpoint by which agents choose their queues."""
    routes = APIRouter(tags=["desk"])
    Once = Annotated[Command, Depends(commands(service))]

    @routes.post("/desk/queues")
    def queues(body: QueuesBody, command: Once) -> Response:
        """Take contacts from these queues and no others. Roles agent, supervisor."""
        return command.run(lambda work: {"queues": handlers.take_from(work, body.queues)})

    return routes


def _add_stream(routes: APIRouter, service: Service, live: Live) -> None:
    def topics(agent: Actor) -> set[str]:
        with Session(service.engine) as session:
            queues = handlers.queues_of(session, agent.id)
            glance = reads.current(session, agent.id, service.clock()).glance
        members = glance.insights.members if glance else ()
        return {
            topic("agent", agent.id),
            *(topic("queue", queue) for queue in queues),
            *(topic("customer", member) for member in members),
        }

    @routes.get("/live", response_class=EventSourceResponse)
    async def stream(agent: Agent) -> AsyncIterable[ServerSentEvent]:
        async for event in changes(live, partial(topics, agent)):
            yield event
