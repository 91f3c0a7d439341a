"""Pages of identity: a customer's other members as a part of its page, and what people may look at."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.sync.identity import reads
from services.sync.identity.api import After, Why, place
from shared.access.actions import Action
from shared.edge.http import CurrentActor
from shared.edge.inputs import Id
from shared.pipeline.look import Look
from shared.pipeline.service import Service
from shared.web.i18n import N_
from shared.web.render import Page, Pages

SIZE = 50
IN_COMMON = {"phone": N_("the same phone number"), "email": N_("the same e-mail address")}
REASONS = {"names": N_("Different names"), "crowded": N_("Shared by many")}
"""Why a person has to decide."""


def router(service: Service, pages: Pages) -> APIRouter:
    """Pages; the API has some of the same paths, for who doesn't ask for HTML."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/suggestions")
    def suggestions(request: Request, actor: CurrentActor, why: Why = "names", after: After = "") -> HTMLResponse:
        with service.look(actor) as look:
            found, last = reads.suggestions(look, why, place(after), SIZE)
            named = {of.customer for of in found}.union(other.customer for of in found for other in of.others)
            decidable = look.fields(Action.IDENTITY_DECIDE, named)
        following = ".".join(last) if last else ""
        context = {"found": found, "why": why, "following": following, "reasons": REASONS, "in_common": IN_COMMON}
        return pages.answer(request, "suggestions.html", decidable=decidable, **context)

    @routes.get("/customers/{member}/same")
    def same(request: Request, member: Id, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            return pages.answer(request, "same.html", **context(look, str(member)))

    return routes


def context(look: Look, member: str) -> dict[str, Any]:
    """What ``same.html`` needs. Raises ``Forbidden``."""
    same = reads.identity(look, member)
    others = [*same.others, *(one.other for one in same.decided), *(o for of in same.suggestions for o in of.others)]
    decidable = look.fields(Action.IDENTITY_DECIDE, [member, *(other.customer for other in others)])
    return {"member": member, "same": same, "decidable": decidable, "in_common": IN_COMMON}
