"""The page of products."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.sfa.products import reads
from shared.edge.http import CurrentActor
from shared.pipeline.service import Service
from shared.web.render import Page, Pages


def router(service: Service, pages: Pages, currency: str) -> APIRouter:
    """The page of products; the API has the same path, for who doesn't ask for HTML. ``currency``: of all prices."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/products")
    def products(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            return pages.answer(request, "products.html", products=reads.everything(look), currency=currency)

    return routes
