"""The pages of orders."""

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.sfa.customers import reads as customers
from services.sfa.orders import reads
from services.sfa.orders.rules import OPEN, STATES
from services.sfa.territories import reads as territories
from shared.edge.http import CurrentActor
from shared.edge.inputs import Id
from shared.pipeline.service import Service
from shared.web.render import Page, Pages

CHOICES = ("open", "late", *STATES)


def router(service: Service, pages: Pages) -> APIRouter:
    """Pages of orders; the API has the same paths, for who doesn't ask for HTML."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/orders")
    def orders(
        request: Request,
        actor: CurrentActor,
        state: Literal["open", "late", "placed", "provisioned", "delivered", "cancelled"] = "open",
    ) -> HTMLResponse:
        with service.look(actor) as look:
            found = reads.some(look, state=state, limit=200)
            names = customers.names_of(look, {row.member for row in found})
        context = {"orders": found, "names": names, "state": state, "states": CHOICES, "now": look.now}
        return pages.answer(request, "orders.html", **context)

    @routes.get("/orders/{order}")
    def order(request: Request, order: Id, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            whole = reads.one(look, str(order))
            name = customers.names_of(look, [whole.order.member])[whole.order.member]
            territory = territories.names_of(look.session, [whole.order.territory]).get(whole.order.territory, "")
        return pages.answer(
            request,
            "order.html",
            whole=whole,
            order=whole.order,
            name=name,
            territory=territory,
            is_open=whole.order.state in OPEN,
            may_step=whole.may_step,
            now=look.now,
        )

    return routes
