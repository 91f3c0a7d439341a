"""The agent's page, its parts that refresh by themselves, and the stream that says when."""

from collections.abc import AsyncIterable
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import Field

from services.callcenter.customers import reads as customers
from services.callcenter.desk import handlers, reads
from shared.edge.actor import Actor
from shared.edge.http import Again, CurrentActor
from shared.edge.inputs import Code, Input, ShortText
from shared.edge.live import Live, changes, topic
from shared.pipeline.commands import Command, commands
from shared.pipeline.service import Service
from shared.web.render import Pages


class QueuesBody(Input):
    queues: Annotated[list[Code], Field(max_length=100)]


class FindBody(Input):
    words: ShortText


def router(service: Service, live: Live, pages: Pages, region: str) -> APIRouter:
    """The agent's page. ``region``: the country of phone numbers without a country code."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    def desk(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            waiting, current = reads.waiting(look), reads.current(look)
            return pages.answer(request, "desk.html", waiting=waiting, current=current, choices=reads.choices(look))

    @routes.get("/desk/waiting")
    def waiting(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            return pages.answer(request, "waiting.html", waiting=reads.waiting(look))

    @routes.get("/desk/current")
    def current(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            return pages.answer(request, "current.html", current=reads.current(look), choices=reads.choices(look))

    @routes.post("/desk/find")
    def find(request: Request, body: FindBody, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            return pages.answer(request, "found.html", found=customers.find(look, body.words, region))

    _add_stream(routes, service, live)
    return routes


def presence_router(service: Service) -> APIRouter:
    """The endpoint by which agents choose their queues."""
    routes = APIRouter(tags=["desk"])
    Once = Annotated[Command, Depends(commands(service))]

    @routes.post("/desk/queues")
    def queues(body: QueuesBody, command: Once) -> Response:
        """Take contacts from these queues and no others. Needs desk.use."""
        return command.run(lambda work: {"queues": handlers.take_from(work, body.queues)})

    return routes


def _add_stream(routes: APIRouter, service: Service, live: Live) -> None:
    def topics(agent: Actor) -> set[str]:
        with service.look(agent) as look:
            members, queues = reads.current_members(look), handlers.queues_of(look.session, agent.id)
        return {
            topic("agent", agent.id),
            *(topic("queue", queue) for queue in queues),
            *(topic("customer", member) for member in members),
        }

    def admitted(actor: CurrentActor) -> None:
        topics(actor)

    # Asked before the answer begins, so that who may not listen is told so.
    @routes.get("/live", response_class=EventSourceResponse, dependencies=[Depends(admitted)])
    async def stream(again: Again) -> AsyncIterable[ServerSentEvent]:
        async for event in changes(live, again, topics):
            yield event
