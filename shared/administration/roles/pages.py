"""The page of roles: what each allows, in one table."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from shared.access.actions import SUPPORTS
from shared.administration.roles import reads
from shared.edge.http import CurrentActor
from shared.pipeline.service import Service
from shared.web.render import Page, Pages


def router(service: Service, pages: Pages) -> APIRouter:
    """The page of roles."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/roles")
    def roles(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            table = reads.table(look)
        supported = [(action, sorted(reaches)) for action, reaches in sorted(SUPPORTS[service.name].items())]
        return pages.answer(request, "roles.html", table=table, supported=supported)

    return routes
