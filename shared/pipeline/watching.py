"""Streams that tell open pages that what they show has changed."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable
from functools import partial

from fastapi import APIRouter, Depends
from fastapi.sse import EventSourceResponse, ServerSentEvent

from shared.access.actions import Action
from shared.edge.actor import Actor
from shared.edge.http import Again, CurrentActor
from shared.edge.inputs import Id
from shared.edge.live import Live, changes, topic
from shared.pipeline import clusters
from shared.pipeline.look import Look
from shared.pipeline.service import Service

PAUSE_SECONDS = 1.0
"""So long at least between two changes that a page is told of: lists change with everything that happens."""


def of_customer(service: Service, live: Live) -> APIRouter:
    """``/customers/{customer}/live``: something of the customer changed, as far as its members are within reach."""
    routes = APIRouter(include_in_schema=False)

    def topics(customer: str, actor: Actor) -> set[str]:
        with service.look(actor) as look:
            look.see(Action.CUSTOMER_READ, customer)
            mates = clusters.others(look.session, customer)
            return {topic("customer", mate) for mate in look.fields(Action.CUSTOMER_READ, [customer, *mates])}

    def admitted(customer: Id, actor: CurrentActor) -> None:
        live.refuse_if_many(actor)
        topics(str(customer), actor)

    # Asked before the answer begins, so that who may not listen is told so.
    @routes.get("/customers/{customer}/live", response_class=EventSourceResponse, dependencies=[Depends(admitted)])
    async def stream(customer: Id, again: Again) -> AsyncIterable[ServerSentEvent]:
        async for event in changes(live, again, partial(topics, str(customer))):
            yield event

    return routes


def of_list(service: Service, live: Live, path: str, heard: Callable[[Look], set[str]]) -> APIRouter:
    """A stream at ``path`` for pages that show many things. ``heard``: the live topics of what the reader may see;
    raises ``Forbidden``."""
    routes = APIRouter(include_in_schema=False)

    def topics(actor: Actor) -> set[str]:
        with service.look(actor) as look:
            return heard(look)

    def admitted(actor: CurrentActor) -> None:
        live.refuse_if_many(actor)
        topics(actor)

    @routes.get(path, response_class=EventSourceResponse, dependencies=[Depends(admitted)])
    async def stream(again: Again) -> AsyncIterable[ServerSentEvent]:
        async for event in changes(live, again, topics, pause=PAUSE_SECONDS):
            yield event

    return routes
