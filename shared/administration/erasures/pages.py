"""Pages of erasures: proposals with their second person, and what became of each; and all routes together."""

from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from shared.administration.erasures import api
from shared.administration.erasures.answers import Forgetting
from shared.administration.erasures.api import Reporter
from shared.administration.erasures.rules import lacking
from shared.edge.http import CurrentActor
from shared.edge.inputs import Id
from shared.edge.settings import Settings
from shared.pipeline.service import Service
from shared.texts import N_
from shared.web.render import Page, Pages

STATES = {"proposed": N_("waits for a second person"), "withdrawn": N_("withdrawn"), "erased": N_("erased")}
REASONS = {
    "request": N_("The person asks for it"),
    "retention": N_("Kept long enough"),
    "error": N_("Recorded by mistake"),
}


def routers(
    service: Service,
    settings: Settings,
    pages: Pages,
    forgetting: Forgetting,
) -> Sequence[APIRouter]:
    """Pages and API of one service."""
    reporter = Reporter(service, settings)
    return router(reporter, pages), api.router(reporter, forgetting)


def router(reporter: Reporter, pages: Pages) -> APIRouter:
    """The pages; the API has the same paths."""
    routes = APIRouter(route_class=Page, include_in_schema=False)
    words = {"states": STATES, "reasons": REASONS}

    @routes.get("/erasures")
    def erasures(request: Request, actor: CurrentActor) -> HTMLResponse:
        return pages.answer(request, "erasures.html", erasures=reporter.erasures(actor), **words)

    @routes.get("/erasures/{erasure}")
    def erasure(request: Request, erasure: Id, actor: CurrentActor) -> HTMLResponse:
        one, report = reporter.erasure(actor, str(erasure))
        signed = reporter.signing.is_possible
        return pages.answer(request, "erasure.html", one=one, report=report, lacking=lacking, signed=signed, **words)

    return routes
