"""The page of a customer: record and timeline, kept up to date while it is open."""

from collections.abc import AsyncIterable
from functools import partial
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from services.sync.customers import pages as customers
from services.sync.identity import pages as identity
from services.sync.timeline.api import Before, Group, place
from services.sync.timeline.handlers import Reader
from services.sync.timeline.lines import lines
from services.sync.timeline.titles import GROUPS, PROBLEMS
from shared.access.actions import Action
from shared.customer.member import Member
from shared.edge.actor import Actor
from shared.edge.errors import NotFound
from shared.edge.http import Again, CurrentActor
from shared.edge.inputs import Id
from shared.edge.live import Live, changes, topic
from shared.pipeline import clusters
from shared.pipeline.definitions import custom_fields
from shared.pipeline.look import Look
from shared.pipeline.service import Service
from shared.pipeline.vocabulary import Words
from shared.web.i18n import catalog, language_of
from shared.web.render import Page, Pages

SIZE = 50
"""Entries on one page."""


def router(service: Service, reader: Reader, pages: Pages) -> APIRouter:
    """The page, and the part of it that refreshes by itself; the API has the same path."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/customers/{member}")
    def customer(
        request: Request, member: Id, actor: CurrentActor, before: Before = "", group: Group = ""
    ) -> HTMLResponse:
        with service.look(actor) as look:
            record = customers.context(look, str(member), language_of(request)) | identity.context(look, str(member))
            shown = _entries(look, request, str(member), before, group)
        if not (shown["page"].entries or record["card"].registered or record["card"].erased or group or before):
            raise NotFound("there is no such customer")
        return pages.answer(request, "customer.html", groups=GROUPS, **record | shown)

    @routes.get("/customers/{member}/entries")
    def entries(
        request: Request, member: Id, actor: CurrentActor, before: Before = "", group: Group = ""
    ) -> HTMLResponse:
        with service.look(actor) as look:
            shown = _entries(look, request, str(member), before, group)
        return pages.answer(request, "entries.html", **shown)

    def _entries(look: Look, request: Request, member: str, before: str, group: str) -> dict[str, Any]:
        language = language_of(request)
        translate = catalog(language).gettext
        page = reader.page(look, Member(member), translate, before=place(before), group=group, limit=SIZE)
        custom, words = custom_fields(look.session, language), Words(look.session, language)
        return {
            "member": member,
            "page": page,
            "lines": {entry.id: lines(entry, custom, translate, words.label) for entry in page.entries},
            "before": before,
            "group": group,
            "problems": PROBLEMS,
            "query": query,
        }

    return routes


def stream_router(service: Service, live: Live) -> APIRouter:
    """The stream that tells an open page that its customer changed."""
    routes = APIRouter(include_in_schema=False)

    def topics(member: str, actor: Actor) -> set[str]:
        with service.look(actor) as look:
            look.see(Action.CUSTOMER_READ, member)
            mates = clusters.others(look.session, member)
            return {topic("customer", mate) for mate in look.fields(Action.CUSTOMER_READ, [member, *mates])}

    def admitted(member: Id, actor: CurrentActor) -> None:
        topics(str(member), actor)

    # Asked before the answer begins, so that who may not listen is told so.
    @routes.get("/customers/{member}/live", response_class=EventSourceResponse, dependencies=[Depends(admitted)])
    async def stream(member: Id, again: Again) -> AsyncIterable[ServerSentEvent]:
        async for event in changes(live, again, partial(topics, str(member))):
            yield event

    return routes


def query(**parts: str) -> str:
    """A URL's query of those parts that aren't empty."""
    given = {name: value for name, value in parts.items() if value}
    return "?" + urlencode(given) if given else ""
