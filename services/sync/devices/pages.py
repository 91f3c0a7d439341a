"""The page of devices, with what was set aside."""

from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.sync.devices import reads
from services.sync.devices.enrolment import COPIED
from shared.access.actions import Action
from shared.edge.http import CurrentActor
from shared.pipeline.service import Service
from shared.web.i18n import N_
from shared.web.render import Page, Pages

KINDS: Mapping[str, str] = {"note": N_("Note"), "edit": N_("Edit"), "order": N_("Order")}
"""What a device writes, by kind."""
WHY: Mapping[str, str] = {
    "revoked": N_("The device was revoked."),
    "territory": N_("The customer isn't in a territory of this rep."),
}
"""Why something was set aside, by the code."""
REVOKED: Mapping[str, str] = {
    "lost": N_("lost"),
    "replaced": N_("replaced"),
    "left": N_("the rep has left"),
    "misuse": N_("misuse"),
}
"""Why an operator revokes a device, by the code."""
REASONS = {**REVOKED, COPIED: N_("there are two of it")}
"""Why a device was revoked, by the code."""


def router(service: Service, pages: Pages) -> APIRouter:
    """The page; the API has the same path, for who doesn't ask for HTML."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/devices")
    def devices(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            look.need(Action.DEVICE_MANAGE)
            found = reads.devices(look.session)
            aside = reads.quarantine(look.session, look.grants.most(Action.DEVICE_MANAGE))
            look.saw_customers(one.customer for one in aside if one.customer)
        texts = {"kinds": KINDS, "why": WHY, "choices": REVOKED, "reasons": REASONS}
        return pages.answer(request, "devices.html", devices=found, aside=aside, **texts)

    return routes
