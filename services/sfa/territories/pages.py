"""The page of territories."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.sfa.territories import reads
from shared.edge.http import CurrentActor
from shared.pipeline.service import Service
from shared.web.render import Page, Pages


def router(service: Service, pages: Pages) -> APIRouter:
    """The page of territories; the API has the same path, for who doesn't ask for HTML."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/territories")
    def territories(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            return pages.answer(request, "territories.html", territories=reads.everything(look))

    return routes
