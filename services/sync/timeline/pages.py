"""The page of a customer: record and timeline, kept up to date while it is open."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from services.sync.customers import pages as customers
from services.sync.identity import pages as identity
from services.sync.timeline.api import Before, Channel, Group, Source, place
from services.sync.timeline.handlers import Reader
from services.sync.timeline.lines import lines
from services.sync.timeline.rules import Wanted
from services.sync.timeline.titles import GROUPS, PROBLEMS
from shared.customer.member import Member
from shared.edge.errors import NotFound
from shared.edge.http import CurrentActor
from shared.edge.inputs import Id
from shared.edge.language import catalog, language_of
from shared.pipeline.definitions import custom_fields
from shared.pipeline.look import Look
from shared.pipeline.service import Service
from shared.pipeline.vocabulary import Words
from shared.texts import N_
from shared.web.render import Page, Pages

SIZE = 50
"""Entries on one page."""
SOURCES = ("callcenter", "marketing", "sfa", "sync")
CHANNELS: Mapping[str, str] = {
    "phone": N_("Phone"),
    "chat": N_("Chat"),
    "email": N_("E-mail"),
    "web": N_("Web"),
    "desk": N_("Desk"),
    "device": N_("Device"),
    "import": N_("Import"),
}
"""By which contacts and orders come, as far as a filter offers them."""
ICONS = {
    "contact": "headset",
    "case": "report",
    "order": "shopping-cart",
    "note": "note",
    "segment": "users",
    "customer": "user",
}
"""Group of types -> the picture beside its entries."""
Day = date | Literal[""] | None


@dataclass(frozen=True)
class Asked:
    """What the page is asked to show."""

    wanted: Wanted
    given: Mapping[str, str]
    """The same as parts of a URL; empty ones too."""

    @property
    def any(self) -> bool:
        return any(self.given.values())


def asked(
    group: Group = "",
    source: Source = "",
    channel: Channel = "",
    since: Annotated[Day, Query(alias="from")] = None,
    until: Day = None,
) -> Asked:
    """The filters of a request; days are those of UTC."""
    end = _begin(until)
    wanted = Wanted(group, source, channel, _begin(since), end and end + timedelta(days=1))
    given = {"group": group, "source": source, "channel": channel, "from": str(since or ""), "until": str(until or "")}
    return Asked(wanted, given)


def _begin(day: Day) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None


def router(service: Service, reader: Reader, pages: Pages) -> APIRouter:
    """The page, and the part of it that refreshes by itself; the API has the same path."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/customers/{member}")
    def customer(
        request: Request, member: Id, actor: CurrentActor, asked: Annotated[Asked, Depends(asked)], before: Before = ""
    ) -> HTMLResponse:
        with service.look(actor) as look:
            record = customers.context(look, str(member), language_of(request)) | identity.context(look, str(member))
            shown = _entries(look, request, str(member), before, asked)
        if not (shown["page"].entries or record["card"].registered or record["card"].erased or asked.any or before):
            raise NotFound(N_("there is no such customer"))
        choices = {"groups": GROUPS, "sources": SOURCES, "channels": CHANNELS, "today": service.clock().date()}
        return pages.answer(request, "customer.html", **choices, **record | shown)

    @routes.get("/customers/{member}/entries")
    def entries(
        request: Request, member: Id, actor: CurrentActor, asked: Annotated[Asked, Depends(asked)], before: Before = ""
    ) -> HTMLResponse:
        with service.look(actor) as look:
            shown = _entries(look, request, str(member), before, asked)
        return pages.answer(request, "entries.html", **shown)

    def _entries(look: Look, request: Request, member: str, before: str, asked: Asked) -> dict[str, Any]:
        language = language_of(request)
        translate = catalog(language).gettext
        page = reader.page(look, Member(member), translate, before=place(before), wanted=asked.wanted, limit=SIZE)
        custom, words = custom_fields(look.session, language), Words(look.session, language)
        return {
            "member": member,
            "page": page,
            "lines": {entry.id: lines(entry, custom, translate, words.label) for entry in page.entries},
            "before": before,
            "asked": asked.given,
            "icons": ICONS,
            "problems": PROBLEMS,
            "query": query,
        }

    return routes


def query(parts: Mapping[str, str], **more: str) -> str:
    """A URL's query of those parts that aren't empty."""
    given = {name: value for name, value in {**parts, **more}.items() if value}
    return "?" + urlencode(given) if given else ""
