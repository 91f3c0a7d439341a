"""The segment's page."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.marketing.profiles.reads import names
from services.marketing.segments import reads
from services.marketing.segments.api import RuleBody, shown, trial
from services.marketing.segments.rules import LONGEST_WINDOW, Definition
from shared.edge.http import CurrentActor
from shared.edge.inputs import Code
from shared.pipeline.service import Service
from shared.web.render import Page, Pages

WIDTH, HEIGHT = 600, 120
"""Of the picture of the segment's size, in its own units."""


def router(service: Service, pages: Pages, default: Definition) -> APIRouter:
    """Pages; the API has some of the same paths, for who doesn't ask for HTML."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/")
    def segment_page(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            segment = shown(look, default)
            known = names(look, [move.customer for move in (*segment.entered, *segment.left)])
        return pages.answer(
            request,
            "segment.html",
            segment=segment,
            names=known,
            line=line([size.customers for size in segment.sizes]),
            box=f"0 0 {WIDTH} {HEIGHT}",
            longest=LONGEST_WINDOW,
        )

    @routes.post("/segments/{segment}/preview")
    def preview(request: Request, segment: Code, body: RuleBody, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            found = reads.preview(look, segment, trial(body, default))
        return pages.answer(request, "preview.html", found=found)

    return routes


def line(numbers: list[int]) -> str:
    """Numbers as the points of a line from left to right, none below the picture's foot."""
    highest, steps = max(1, *numbers), max(1, len(numbers) - 1)
    points = [(n * WIDTH / steps, HEIGHT - number * HEIGHT / highest) for n, number in enumerate(numbers)]
    return " ".join(f"{x:.0f},{y:.0f}" for x, y in points)
