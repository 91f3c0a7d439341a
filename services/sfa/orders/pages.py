"""The pages of orders."""

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from services.sfa.customers import reads as customers
from services.sfa.orders import reads
from services.sfa.orders.rules import OPEN, STATES
from services.sfa.roles import SALES
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
        actor.need(*SALES)
        now = service.clock()
        with Session(service.engine) as session:
            found = reads.some(session, now=now, state=state, limit=200)
            names = customers.names_of(session, {row.member for row in found})
        return pages.answer(request, "orders.html", orders=found, names=names, state=state, states=CHOICES, now=now)

    @routes.get("/orders/{order}")
    def order(request: Request, order: Id, actor: CurrentActor) -> HTMLResponse:
        actor.need(*SALES)
        with Session(service.engine) as session:
            whole = reads.one(session, str(order))
            name = customers.names_of(session, [whole.order.member])[whole.order.member]
            territory = territories.names_of(session, [whole.order.territory]).get(whole.order.territory, "")
        return pages.answer(
            request,
            "order.html",
            whole=whole,
            order=whole.order,
            name=name,
            territory=territory,
            is_open=whole.order.state in OPEN,
            now=service.clock(),
        )

    return routes
