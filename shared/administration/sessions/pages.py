"""The page of sessions."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from shared.administration.sessions import reads
from shared.edge.http import CurrentActor
from shared.pipeline.service import Service
from shared.web.render import Page, Pages


def router(service: Service, pages: Pages) -> APIRouter:
    """The page of sessions."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/sessions")
    def ended(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            rows = reads.ended(look)
        return pages.answer(request, "sessions.html", ended=rows)

    return routes
