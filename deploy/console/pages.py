"""The console's pages: the start, and operations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import Field

from deploy.console import rules
from deploy.console.asking import Services, Told
from deploy.console.blocks import BLOCKS
from deploy.console.readings import Readings
from shared.edge.http import CurrentActor
from shared.edge.inputs import Input, ShortText
from shared.edge.problems import problem
from shared.texts import N_, Text
from shared.web.render import Pages

KINDS = {
    "poison": N_("a handler can't take it"),
    "gap": N_("an event before it is missing"),
    "fork": N_("another event was here with the same number"),
    "malformed": N_("it can't be read"),
}
UNREACHED = 502


class RedriveBody(Input):
    service: ShortText
    subscription: ShortText
    source: ShortText
    stream: ShortText


class SkipBody(RedriveBody):
    reason: Annotated[str, Field(min_length=1, max_length=500)]


Key = Annotated[str, Header(alias="idempotency-key", min_length=1, max_length=100)]


def words(gettext: Callable[[str], str], language: str) -> dict[str, Any]:
    """What templates call, in one language."""
    titles = {block.name: block.title for block in BLOCKS}
    return {
        "title_of": lambda name: gettext(titles.get(name) or name),
        "kind_of": lambda kind: gettext(KINDS.get(kind) or kind),
        "span": span,
        "at": lambda seconds: datetime.fromtimestamp(seconds, UTC),
        "said": lambda trouble: gettext(trouble.text) % {"what": trouble.what, "number": f"{trouble.number:,.0f}"},
    }


def span(seconds: float) -> str:
    """Seconds as people read them: 0.4 s, 12 s, 3 min, 2 h, 5 d."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def router(services: Services, readings: Readings, pages: Pages) -> APIRouter:
    """Pages of the console. Everybody who is signed in may open them; what is in them the services decide."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    def start(request: Request, _: CurrentActor) -> HTMLResponse:
        gained = {told.service: told for told in services.each(request, "/operations/gained")}
        shown = {
            "blocks": BLOCKS,
            "urls": services.urls,
            "ready": services.all_ready(),
            "gained": gained,
            "heard": _heard(gained),
            "states": {state.name: state for state in rules.services(readings.kept)},
        }
        return pages.answer(request, "start.html", **shown)

    @routes.get("/operations")
    def operations(request: Request, _: CurrentActor) -> HTMLResponse:
        return pages.answer(request, "operations.html", **figures(), parked=_parked(request))

    @routes.get("/operations/figures")
    def newest(request: Request, _: CurrentActor) -> HTMLResponse:
        return pages.answer(request, "figures.html", **figures())

    @routes.get("/operations/waiting")
    def waiting(request: Request, _: CurrentActor) -> HTMLResponse:
        return pages.answer(request, "parked.html", parked=_parked(request))

    @routes.post("/operations/redrive")
    def redrive(request: Request, body: RedriveBody, _: CurrentActor, key: Key) -> Response:
        place = body.model_dump(exclude={"service"})
        return _answered(services, request, body.service, "/operations/redrive", place, key)

    @routes.post("/operations/skip")
    def skip(request: Request, body: SkipBody, _: CurrentActor, key: Key) -> Response:
        place = body.model_dump(exclude={"service"})
        return _answered(services, request, body.service, "/operations/skip", place, key)

    def figures() -> dict[str, Any]:
        kept, points = readings.kept, readings.points
        return {
            "states": rules.services(kept),
            "troubles": rules.troubles(kept, services.urls),
            "failed": readings.failed,
            "newest": datetime.fromtimestamp(kept[-1].at, UTC) if kept else None,
            "names": list(services.urls),
            "received": [(each.at, each.received) for each in points],
            "requests": [(each.at, each.requests) for each in points],
        }

    def _parked(request: Request) -> list[Told]:
        return services.each(request, "/operations/parked")

    return routes


def _heard(gained: dict[str, Told]) -> dict[str, dict[str, Any]]:
    """Service -> source -> what it knows of that block; nothing of one that was given up."""
    known: dict[str, dict[str, Any]] = {}
    for service, told in gained.items():
        others = told.said["others"] if told.said else []
        known[service] = {
            other["source"]: {
                **other,
                "heard": datetime.fromisoformat(other["heard"]),
                # A service of the former release doesn't say it.
                "since": datetime.fromisoformat(other["since"]) if other.get("since") else None,
            }
            for other in others
            if not other["left"]
        }
    return known


def _answered(
    services: Services, request: Request, service: str, path: str, body: dict[str, str], key: str
) -> Response:
    if service not in services.urls:
        return problem(request, 404, Text(N_("there is no service %(service)s"), {"service": service}))
    told = services.act(request, service, path, body, key)
    return JSONResponse(told.said) if told.said is not None else problem(request, told.status or UNREACHED, told.why)
