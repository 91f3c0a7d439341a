"""The page of values that gave way, of all customers."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.sync.customers import ledger
from services.sync.customers.ledger import Wanted
from services.sync.customers.ledger_api import SETTLED, SIZE, After, Field, Reason, Source, State, cursor, place
from services.sync.customers.pages import REASONS
from shared.access.actions import Action
from shared.customer.fields import BUILT_IN
from shared.edge.http import CurrentActor
from shared.edge.language import language_of
from shared.pipeline.definitions import custom_fields
from shared.pipeline.service import Service
from shared.texts import N_
from shared.web.render import Page, Pages

STATES = {"": N_("All"), "open": N_("Nobody has looked since"), "settled": N_("Settled since")}
"""By which entries can be filtered: whether a later edit was made by somebody who saw both."""


def router(service: Service, pages: Pages) -> APIRouter:
    """The page."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/ledger")
    def page(
        request: Request,
        actor: CurrentActor,
        field: Field = "",
        source: Source = "",
        reason: Reason = "",
        state: State = "",
        after: After = "",
    ) -> HTMLResponse:
        asked = {"field": field, "source": source, "reason": reason, "state": state}
        language = language_of(request)
        with service.look(actor) as look:
            wanted = Wanted(field, source, reason, SETTLED[state])
            found, last = ledger.everywhere(look, wanted, place(after), SIZE, language)
            editable = look.fields(Action.CUSTOMER_EDIT, {one.customer.customer for one in found})
            shown = look.grants.most(Action.CUSTOMER_READ)
            all_fields = [*BUILT_IN.values(), *custom_fields(look.session, language).values()]
        context: dict[str, Any] = {
            "found": found,
            "editable": editable,
            "asked": asked,
            "after": after,
            "older": urlencode({k: v for k, v in {**asked, "after": cursor(last) or ""}.items() if v}),
            "newest": urlencode({k: v for k, v in asked.items() if v}),
            "more": last is not None,
            "fields": [one for one in all_fields if one.name in shown],
            "kinds": {one.name: one.kind for one in all_fields},
            "sources": ("callcenter", "marketing", "sfa", "sync"),
            "reasons": REASONS,
            "states": STATES,
        }
        return pages.answer(request, "ledger.html", **context)

    return routes
