"""The agent's page, its parts that refresh by themselves, and the stream that says when."""

from collections.abc import AsyncIterable
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import Field

from services.callcenter.contacts import reads as contacts
from services.callcenter.customers import reads as customers
from services.callcenter.desk import handlers, reads
from services.callcenter.desk.dock import Dock
from shared.access.actions import Action
from shared.edge.actor import Actor
from shared.edge.http import Again, CurrentActor
from shared.edge.inputs import Code, Input, ShortText
from shared.edge.live import Live, Told, changes
from shared.pipeline.commands import Command, commands
from shared.pipeline.service import Service
from shared.pipeline.work import Work
from shared.web.render import Pages


class QueuesBody(Input):
    queues: Annotated[list[Code], Field(max_length=100)]


class StateBody(Input):
    state: Literal["available", "break", "away"]
    reason: Literal["", "rest", "meal", "meeting", "training", "paperwork"] = ""
    """Of a break."""


class FindBody(Input):
    words: ShortText


def router(service: Service, live: Live, pages: Pages, dock: Dock, region: str) -> APIRouter:
    """The agent's page. ``region``: the country of phone numbers without a country code."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    def desk(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            current, choices = reads.current(look, contacts.current(look)), reads.choices(look)
            return pages.answer(request, "desk.html", current=current, choices=choices)

    @routes.get("/desk/waiting")
    def waiting(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            choices = reads.choices(look)
            return pages.answer(request, "waiting.html", waiting=reads.waiting(look, choices), choices=choices)

    @routes.get("/desk/current")
    def current(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            current, choices = reads.current(look, contacts.current(look)), reads.choices(look)
            return pages.answer(request, "current.html", current=current, choices=choices)

    @routes.post("/desk/find")
    def find(request: Request, body: FindBody, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            return pages.answer(request, "found.html", found=customers.find(look, body.words, region))

    _add_stream(routes, service, live, dock)
    return routes


def presence_router(service: Service) -> APIRouter:
    """The endpoints by which agents say where and whether they are there."""
    routes = APIRouter(tags=["desk"])
    Once = Annotated[Command, Depends(commands(service))]

    @routes.post("/desk/queues")
    def queues(body: QueuesBody, command: Once) -> Response:
        """Take contacts from these queues and no others. Needs desk.use."""
        return command.run(lambda work: {"queues": handlers.take_from(work, body.queues)})

    @routes.post("/desk/state")
    def state(body: StateBody, command: Once) -> Response:
        """Say whether one is there: available, on a break, or away. Needs desk.use."""

        def run(work: Work) -> dict[str, str]:
            handlers.say(work, body.state, body.reason if body.state == "break" else "")
            return {"state": body.state}

        return command.run(run)

    return routes


def _add_stream(routes: APIRouter, service: Service, live: Live, dock: Dock) -> None:
    def told(request: Request, with_current: bool, agent: Actor) -> Told:
        with service.look(agent) as look:
            look.need(Action.DESK_USE)
            return dock.told(request, look, with_current=with_current)

    def admitted(actor: CurrentActor) -> None:
        live.refuse_if_many(actor)
        with service.look(actor) as look:
            look.need(Action.DESK_USE)

    # Asked before the answer begins, so that who may not listen is told so.
    @routes.get("/live", response_class=EventSourceResponse, dependencies=[Depends(admitted)])
    async def stream(request: Request, again: Again, current: bool = False) -> AsyncIterable[ServerSentEvent]:
        async for event in changes(live, again, partial(told, request, current), dock.pulse.goes_on):
            yield event
