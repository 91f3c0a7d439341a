"""The page of a customer: its profile, and why it is in the segment or isn't."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.marketing.profiles.api import shown
from services.marketing.segments import reads as segments
from services.marketing.segments.rules import Definition
from services.marketing.segments.standings import purchases
from shared.edge.http import CurrentActor
from shared.edge.inputs import Id
from shared.pipeline import heads
from shared.pipeline.service import Service
from shared.web.render import Page, Pages


def router(service: Service, pages: Pages, default: Definition) -> APIRouter:
    """The page."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/customers/{member}")
    def customer(request: Request, member: Id, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            found = shown(look, default, str(member))
            rule = segments.definition(look.session, default)
            signs = heads.last_signs(look.session)
            bought = purchases(look.session, {"": found.profile.members}, rule.currency)[""]
        return pages.answer(
            request,
            "profile.html",
            shown=found,
            profile=found.profile,
            standing=found.standing,
            orders={one.order: one for one in bought},
            window=rule.window,
            signs=signs,
        )

    return routes
