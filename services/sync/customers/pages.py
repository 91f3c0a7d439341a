"""Pages of customers: the search, and the record as a part of a customer's page."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from services.sync.customers import reads
from services.sync.customers.api import SearchBody
from services.sync.customers.handlers import EDITORS, ERASERS
from services.sync.readers import READERS
from shared.customer.fields import BUILT_IN
from shared.customer.member import Member
from shared.edge.actor import Actor
from shared.edge.http import CurrentActor
from shared.edge.inputs import Id
from shared.pipeline.definitions import custom_fields
from shared.pipeline.service import Service
from shared.web.i18n import N_
from shared.web.render import Page, Pages

REASONS: Mapping[str, str] = {
    "later": N_("A later edit, made without knowledge of this one, took its place."),
    "add_wins": N_("Somebody added it at the same time; adding stands before removing."),
    "stricter": N_("The stricter of two edits at the same time stands."),
    "earlier_stands": N_("The earlier one stands until a person chooses."),
    "not_owner": N_("Only the owner of this field decides."),
    "malformed": N_("It says neither to add nor to remove."),
}
"""Why a value lost, by the code in the ledger."""


def router(service: Service, pages: Pages) -> APIRouter:
    """Pages; the API has some of the same paths, for who doesn't ask for HTML."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/")
    def search_page(request: Request, actor: CurrentActor) -> HTMLResponse:
        actor.need(*READERS)
        with Session(service.engine) as session:
            found = reads.search(session, name="", phone="", email="", limit=20)
        return pages.answer(request, "search.html", found=found, newest=True)

    @routes.post("/customers/search")
    def found(request: Request, body: SearchBody, actor: CurrentActor) -> HTMLResponse:
        actor.need(*READERS)
        with Session(service.engine) as session:
            found = reads.search(session, **body.model_dump())
        newest = not (body.name or body.phone or body.email)
        return pages.answer(request, "found.html", found=found, newest=newest)

    @routes.get("/customers/{member}/record")
    def record(request: Request, member: Id, actor: CurrentActor) -> HTMLResponse:
        actor.need(*READERS)
        with Session(service.engine) as session:
            return pages.answer(request, "record.html", **context(session, str(member), actor))

    return routes


def context(session: Session, member: str, actor: Actor) -> dict[str, Any]:
    """What ``record.html`` needs. Of a member whose record hasn't come yet there is nothing to show or edit."""
    card = reads.card_if_any(session, Member(member)) or reads.Card(member, "", None, False, [])
    is_open = card.registered is not None
    custom = custom_fields(session)
    all_fields = [*BUILT_IN.values(), *custom.values()]
    return {
        "card": card,
        "known": {field.name: field for field in card.fields},
        "ledger": reads.ledger(session, Member(member)) if is_open else [],
        "reasons": REASONS,
        "all_fields": all_fields,
        "kinds": {field.name: field.kind for field in all_fields},
        "may_edit": is_open and bool(actor.roles.intersection(EDITORS)),
        "may_erase": is_open and bool(actor.roles.intersection(ERASERS)),
    }
