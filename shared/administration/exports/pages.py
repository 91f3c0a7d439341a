"""The page of exports."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from shared.administration.exports import reads
from shared.edge.http import CurrentActor
from shared.pipeline.service import Service
from shared.web.render import Page, Pages


def router(service: Service, pages: Pages) -> APIRouter:
    """The page of exports."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/exports")
    def listed(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            rows = reads.listed(look)
        return pages.answer(request, "exports.html", exports=rows)

    return routes
