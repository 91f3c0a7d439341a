"""The page of devices, with what was set aside."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from services.sync.devices import reads
from services.sync.devices.rules import COPIED, REASONS, REVOKED
from services.sync.identity.reads import others_of
from services.sync.products import handlers as products
from shared.access.actions import Action
from shared.edge.actor import Actor
from shared.edge.http import CurrentActor
from shared.edge.inputs import Id
from shared.pipeline.service import Service
from shared.texts import N_
from shared.web.render import Page, Pages

SIZE = 100
"""Devices on one page."""
Start = Annotated[int, Query(ge=0, le=1_000_000)]
KINDS: Mapping[str, str] = {"note": N_("Note"), "edit": N_("Edit"), "order": N_("Order")}
"""What a device writes, by kind."""
WHY: Mapping[str, str] = {
    "revoked": N_("The device was revoked."),
    "territory": N_("The customer isn't in a territory of this rep."),
}
"""Why something was set aside, by the code."""


def router(service: Service, pages: Pages) -> APIRouter:
    """The page; the API has the same path, for who doesn't ask for HTML."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/devices")
    def devices(request: Request, actor: CurrentActor, start: Start = 0, device: Id | None = None) -> HTMLResponse:
        return pages.answer(request, "devices.html", **_context(service, actor, start, device))

    @routes.get("/devices/now")
    def now(request: Request, actor: CurrentActor, start: Start = 0, device: Id | None = None) -> HTMLResponse:
        return pages.answer(request, "devices_now.html", **_context(service, actor, start, device))

    return routes


def _context(service: Service, actor: Actor, start: int, only: UUID | None) -> dict[str, Any]:
    """What the page shows: some devices, or one. Raises ``Forbidden``."""
    with service.look(actor) as look:
        look.need(Action.DEVICE_MANAGE)
        found = reads.devices(look.session)
        shown = look.grants.most(Action.DEVICE_MANAGE)
        aside = reads.quarantine(look.session, shown)
        look.saw_customers(one.customer for one in aside if one.customer)
        named = {one.customer for one in aside if one.customer}
        names = others_of(look, named) if look.may(Action.CUSTOMER_READ) else {}
        offered = {one.product: one.name for one in products.on_sale(look.session)} if aside else {}
    texts = {"kinds": KINDS, "why": WHY, "choices": REVOKED, "reasons": REASONS}
    shown_here = [one for one in found if only in (None, UUID(one.device))]
    return {
        "devices": shown_here[start : start + SIZE],
        "copied": [one for one in found if one.revoked and one.reason == COPIED],
        "next": start + SIZE if len(shown_here) > start + SIZE else None,
        "asked": urlencode({"device": only} if only else {"start": start} if start else {}),
        "by_device": {one.device: one for one in found},
        "aside": aside,
        "names": names,
        "products": offered,
        **texts,
    }
