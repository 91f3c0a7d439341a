"""Pages of customers: the search, and the record as a part of a customer's page."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.sync.customers import reads, rules
from shared.access.actions import Action
from shared.access.grants import NO_FIELDS
from shared.customer.fields import BUILT_IN, Field
from shared.customer.member import Member
from shared.edge.http import CurrentActor
from shared.edge.inputs import Id
from shared.edge.language import language_of
from shared.pipeline.definitions import custom_fields
from shared.pipeline.look import Look
from shared.pipeline.service import Service
from shared.texts import N_
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

    @routes.get("/customers/{member}/record")
    def record(request: Request, member: Id, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            return pages.answer(request, "record.html", **context(look, str(member), language_of(request)))

    return routes


def context(look: Look, member: str, language: str) -> dict[str, Any]:
    """What ``record.html`` needs. Of a member whose record hasn't come yet there is nothing to show or edit.

    Raises ``Forbidden``.
    """
    card = reads.card_if_any(look, Member(member), language) or reads.Card(member, "", None, False, [])
    is_open = card.registered is not None
    custom = custom_fields(look.session, language)
    editable = look.fields(Action.CUSTOMER_EDIT, [member]).get(member, NO_FIELDS) if is_open else NO_FIELDS
    erasable = is_open and member in look.fields(Action.CUSTOMER_ERASE, [member])
    all_fields = [*BUILT_IN.values(), *custom.values()]

    def is_edited(field: Field) -> bool:
        return field.name in editable and field.name not in card.masked and not field.retired

    return {
        "card": card,
        "known": {field.name: field for field in card.fields},
        "ledger": reads.ledger(look, Member(member), language) if is_open else [],
        "reasons": REASONS,
        "kinds": {field.name: field.kind for field in all_fields},
        "hidden": [rules.label(name, custom) for name in card.masked],
        "editable": editable,
        "edited": [field for field in all_fields if is_edited(field)],
        "may_erase": erasable,
    }
