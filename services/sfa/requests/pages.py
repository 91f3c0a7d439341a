"""The page of what reps ask for on their devices."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.sfa.customers import reads as customers
from services.sfa.products import reads as products
from services.sfa.requests import reads
from services.sfa.requests.api import State
from shared.access.actions import Action
from shared.edge.http import CurrentActor
from shared.pipeline.service import Service
from shared.web.render import Page, Pages

STATES = ("waiting", "undecided", "refused", "placed")


def router(service: Service, pages: Pages) -> APIRouter:
    """The page of requests; the API has the same path, for who doesn't ask for HTML."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/requests")
    def requests(request: Request, actor: CurrentActor, state: State = "waiting") -> HTMLResponse:
        with service.look(actor) as look:
            found = reads.some(look, state=state, limit=200)
            members = {row.member for row in found}
            names = customers.names_of(look, members)
            of_products = (
                {one.product: one.name for one in products.everything(look)} if look.may(Action.PRODUCT_READ) else {}
            )
            decidable = look.fields(Action.REQUEST_DECIDE, members)
        context = {
            "requests": found,
            "names": names,
            "state": state,
            "states": STATES,
            "decidable": decidable,
            "called": of_products,
        }
        return pages.answer(request, "requests.html", **context)

    return routes
