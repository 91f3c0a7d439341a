"""The page of a customer."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.callcenter.desk import reads
from services.callcenter.insights import reads as insights
from shared.edge.http import CurrentActor
from shared.edge.inputs import Id
from shared.pipeline.service import Service
from shared.web.render import Page, Pages


def router(service: Service, pages: Pages) -> APIRouter:
    """Pages of customers; the API has the same paths, for who doesn't ask for HTML."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/customers/{customer}")
    def customer(request: Request, customer: Id, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            glance = reads.glance(look, str(customer))
            timeline = insights.timeline(look, str(customer))
            return pages.answer(request, "customer.html", glance=glance, choices=reads.choices(look), timeline=timeline)

    return routes
