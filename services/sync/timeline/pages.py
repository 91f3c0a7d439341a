"""The page of a customer: record and timeline, kept up to date while it is open."""

import asyncio
from collections.abc import AsyncIterable
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy.orm import Session

from services.sync.customers import pages as customers
from services.sync.identity import pages as identity
from services.sync.readers import READERS
from services.sync.timeline.api import Before, Group, place
from services.sync.timeline.handlers import Reader
from services.sync.timeline.lines import lines
from services.sync.timeline.titles import GROUPS, PROBLEMS
from shared.customer.member import Member
from shared.edge.actor import Actor
from shared.edge.errors import NotFound
from shared.edge.http import CurrentActor
from shared.edge.inputs import Id
from shared.edge.live import Live, send, topic
from shared.pipeline import clusters
from shared.pipeline.definitions import custom_fields
from shared.pipeline.service import Service
from shared.web.i18n import catalog, language_of
from shared.web.render import Page, Pages

SIZE = 50
"""Entries on one page."""
STREAM_SECONDS = 300
"""After this long a stream ends and the browser comes again, with its token looked at anew."""


def reading_actor(actor: CurrentActor) -> Actor:
    """The actor. Raises ``Forbidden`` before anything is sent, unless it may read."""
    actor.need(*READERS)
    return actor


Employee = Annotated[Actor, Depends(reading_actor)]


def router(service: Service, reader: Reader, pages: Pages) -> APIRouter:
    """The page, and the part of it that refreshes by itself; the API has the same path."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/customers/{member}")
    def customer(request: Request, member: Id, actor: Employee, before: Before = "", group: Group = "") -> HTMLResponse:
        with Session(service.engine) as session:
            record = customers.context(session, str(member), actor)
            record |= identity.context(session, str(member), actor)
            shown = _entries(session, request, str(member), before, group)
        if not (shown["page"].entries or record["card"].registered or record["card"].erased or group or before):
            raise NotFound("there is no such customer")
        return pages.answer(request, "customer.html", groups=GROUPS, **record | shown)

    @routes.get("/customers/{member}/entries")
    def entries(request: Request, member: Id, actor: Employee, before: Before = "", group: Group = "") -> HTMLResponse:
        with Session(service.engine) as session:
            shown = _entries(session, request, str(member), before, group)
        return pages.answer(request, "entries.html", **shown)

    def _entries(session: Session, request: Request, member: str, before: str, group: str) -> dict[str, Any]:
        translate = catalog(language_of(request)).gettext
        page = reader.page(session, Member(member), translate, before=place(before), group=group, limit=SIZE)
        custom = custom_fields(session)
        return {
            "member": member,
            "page": page,
            "lines": {entry.id: lines(entry, custom, translate) for entry in page.entries},
            "before": before,
            "group": group,
            "problems": PROBLEMS,
            "query": query,
        }

    return routes


def stream_router(service: Service, live: Live) -> APIRouter:
    """The stream that tells an open page that its customer changed."""
    routes = APIRouter(include_in_schema=False)

    def members(member: Id, actor: Employee) -> list[str]:
        with Session(service.engine) as session:
            return [str(member), *clusters.others(session, str(member))]

    @routes.get("/customers/{member}/live", response_class=EventSourceResponse)
    async def stream(members: Annotated[list[str], Depends(members)]) -> AsyncIterable[ServerSentEvent]:
        loop = asyncio.get_running_loop()
        until = loop.time() + STREAM_SECONDS
        async with live.subscribed([topic("customer", member) for member in members]) as subscription:
            while loop.time() < until:
                for event in send(ServerSentEvent(event="changed", data="")):
                    yield event
                await subscription.changed()

    return routes


def query(**parts: str) -> str:
    """A URL's query of those parts that aren't empty."""
    given = {name: value for name, value in parts.items() if value}
    return "?" + urlencode(given) if given else ""
