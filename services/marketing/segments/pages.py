"""The segment's pages."""

from __future__ import annotations

from datetime import UTC, date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BeforeValidator

from services.marketing.profiles.reads import names
from services.marketing.segments import asking, moves, reads
from services.marketing.segments.api import Mark, RuleBody, Way, shown, trial
from services.marketing.segments.rules import LONGEST_WINDOW, Definition
from shared.edge.http import CurrentActor
from shared.edge.inputs import Code
from shared.pipeline.service import Service
from shared.web.render import Page, Pages

LATELY = 8
"""Of those who entered or left, so many are shown at a glance."""
Day = Annotated[date | None, BeforeValidator(lambda text: text or None)]
"""As forms send it: empty when nobody chose any."""
Days = Annotated[int, Query(ge=1, le=LONGEST_WINDOW)]


def router(service: Service, pages: Pages, default: Definition) -> APIRouter:
    """Pages; the API has some of the same paths, for who doesn't ask for HTML."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/")
    def start(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            segment = shown(look, default)
            entered, gone = reads.lately(look.session, look.now)
        size, signs = segment.sizes[-1].customers, segment.heard
        context = {"segment": segment, "size": size, "entered": entered, "gone": gone, "signs": signs}
        return pages.answer(request, "segments.html", **context)

    @routes.get("/segments/{segment}")
    def glance(request: Request, segment: Code, actor: CurrentActor, days: Days = 365) -> HTMLResponse:
        with service.look(actor) as look:
            of = shown(look, default, segment)
            daily = reads.daily(look.session, look.now, days)
            entered, gone = reads.lately(look.session, look.now)
            known = names(look, [move.customer for move in (*of.entered[:LATELY], *of.left[:LATELY])])
            rows = asking.rows(look.session, reads.definition(look.session, default).conditions)
        return pages.answer(
            request,
            "segment.html",
            segment=of,
            size=of.sizes[-1].customers,
            daily=daily,
            days=days,
            entered=entered,
            gone=gone,
            names=known,
            shown=LATELY,
            longest=LONGEST_WINDOW,
            rows=rows,
        )

    @routes.post("/segments/{segment}/preview")
    def preview(request: Request, segment: Code, body: RuleBody, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            rule = trial(look, body, default)
            found = reads.preview(look, segment, rule)
            tried = {"rule": rule, "conditions": asking.worded(look.session, rule.conditions)}
            known = names(look, [one.customer for one in (*found.entering, *found.leaving)])
        return pages.answer(request, "preview.html", found=found, names=known, **tried)

    _add_lists(routes, service, pages, default)
    return routes


def _add_lists(routes: APIRouter, service: Service, pages: Pages, default: Definition) -> None:
    @routes.get("/segments/{segment}/moves")
    def moved(
        request: Request, segment: Code, actor: CurrentActor, way: Way = "", day: Day = None, after: Mark = ""
    ) -> HTMLResponse:
        with service.look(actor) as look:
            rule = reads.definition(look.session, default)
            found = moves.moves(look, segment, rule, way=way, day=day, after=after)
            known = names(look, [move.customer for move in found.moves])
        context = {"segment": segment, "rule": rule, "found": found, "names": known, "way": way, "day": day}
        return pages.answer(request, "moves.html", **context)

    @routes.get("/segments/{segment}/members")
    def members(
        request: Request, segment: Code, actor: CurrentActor, day: Day = None, after: Mark = ""
    ) -> HTMLResponse:
        with service.look(actor) as look:
            rule = reads.definition(look.session, default)
            at = look.now if day is None else moves.end_of(day, look.now)
            found = moves.members(look, segment, rule, at, after)
            known = names(look, [one.customer for one in found.members])
            today = look.now.astimezone(UTC).date()
        context = {"segment": segment, "rule": rule, "found": found, "names": known, "day": day, "today": today}
        return pages.answer(request, "members.html", **context)
