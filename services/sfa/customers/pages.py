"""The pages of customers."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.sfa.customers import reads
from services.sfa.customers.api import FindBody
from services.sfa.orders import reads as orders
from services.sfa.products import reads as products
from services.sfa.territories import reads as territories
from shared.access.actions import Action
from shared.edge.http import CurrentActor
from shared.edge.inputs import Id
from shared.pipeline.look import Look
from shared.pipeline.service import Service
from shared.web.render import Page, Pages


def router(service: Service, pages: Pages, region: str) -> APIRouter:
    """Pages of customers. ``region``: the country of phone numbers without a country code."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/")
    def start(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            look.need(Action.CUSTOMER_READ)
        return pages.answer(request, "find_customers.html")

    @routes.post("/customers/find")
    def find(request: Request, body: FindBody, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            found = reads.find(look, body.words, region)
        return pages.answer(request, "found_customers.html", found=found)

    @routes.get("/customers/{customer}")
    def customer(request: Request, customer: Id, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            return pages.answer(
                request,
                "customer.html",
                known=reads.whole(look, str(customer)),
                products=[one for one in products.everything(look) if one.on_sale] if may_order(look) else [],
                territories=territories.everything(look) if look.may(Action.TERRITORY_READ) else [],
                order_fields=orders.order_fields(look),
                now=look.now,
            )

    return routes


def may_order(look: Look) -> bool:
    """Whether there is anything to choose from for an order."""
    return look.may(Action.ORDER_PLACE) and look.may(Action.PRODUCT_READ)
