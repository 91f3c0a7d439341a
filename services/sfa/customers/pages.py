"""The pages of customers."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from services.sfa.customers import reads
from services.sfa.customers.api import FindBody
from services.sfa.products import reads as products
from services.sfa.roles import SALES
from services.sfa.territories import reads as territories
from shared.edge.http import CurrentActor
from shared.edge.inputs import Id
from shared.pipeline.service import Service
from shared.web.render import Page, Pages


def router(service: Service, pages: Pages, region: str) -> APIRouter:
    """Pages of customers. ``region``: the country of phone numbers without a country code."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/")
    def start(request: Request, actor: CurrentActor) -> HTMLResponse:
        actor.need(*SALES)
        return pages.answer(request, "find_customers.html")

    @routes.post("/customers/find")
    def find(request: Request, body: FindBody, actor: CurrentActor) -> HTMLResponse:
        actor.need(*SALES)
        with Session(service.engine) as session:
            found = reads.find(session, body.words, region)
        return pages.answer(request, "found_customers.html", found=found)

    @routes.get("/customers/{customer}")
    def customer(request: Request, customer: Id, actor: CurrentActor) -> HTMLResponse:
        actor.need(*SALES)
        now = service.clock()
        with Session(service.engine) as session:
            return pages.answer(
                request,
                "customer.html",
                known=reads.whole(session, str(customer), now),
                products=[one for one in products.everything(session) if one.on_sale],
                territories=territories.everything(session),
                now=now,
            )

    return routes
