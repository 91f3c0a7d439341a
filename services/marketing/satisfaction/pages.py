"""The page of satisfaction by segment."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.marketing.satisfaction import reads
from services.marketing.satisfaction.api import YEAR, Days
from services.marketing.satisfaction.rules import SCORES
from services.marketing.segments import reads as segments
from services.marketing.segments.rules import Definition
from shared.edge.http import CurrentActor
from shared.edge.inputs import Code
from shared.pipeline import heads
from shared.pipeline.service import Service
from shared.web.render import Page, Pages

CHOICES = (30, 90, YEAR)


def router(service: Service, pages: Pages, default: Definition) -> APIRouter:
    """The page; the API has the same path, for who doesn't ask for HTML."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/segments/{segment}/satisfaction")
    def satisfaction(request: Request, segment: Code, actor: CurrentActor, days: Days = YEAR) -> HTMLResponse:
        with service.look(actor) as look:
            found = reads.by_segment(look, segment, days)
            rule = segments.definition(look.session, default)
            sign = heads.last_signs(look.session).get("callcenter")
        return pages.answer(
            request,
            "satisfaction.html",
            found=found,
            segment=segment,
            rule=rule,
            sides=(found.inside, found.outside),
            choices=CHOICES,
            scores=SCORES,
            sign=sign,
        )

    return routes
