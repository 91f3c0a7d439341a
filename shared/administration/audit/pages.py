"""The page of the audit log."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from shared.access.actions import SUPPORTS
from shared.administration.audit import reads, rules
from shared.administration.audit.api import Before
from shared.administration.audit.reads import Search
from shared.edge.http import CurrentActor
from shared.edge.inputs import ShortText
from shared.pipeline.service import Service
from shared.web.render import Page, Pages

Day = date | Literal[""] | None


def router(service: Service, pages: Pages) -> APIRouter:
    """The page of the audit log, with its search."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/audit")
    def log(
        request: Request,
        reader: CurrentActor,
        actor: ShortText = "",
        subject: ShortText = "",
        action: ShortText = "",
        outcome: Literal["", "changed", "looked", "refused"] = "",
        since: Annotated[Day, Query(alias="from")] = None,
        until: Day = None,
        before: Before | None = None,
    ) -> HTMLResponse:
        end = _begin(until)
        search = Search(
            *(actor.strip(), subject.strip(), action.strip(), outcome), _begin(since), end and end + timedelta(days=1)
        )
        with service.look(reader) as look:
            found = reads.find(look, search, before)
        asked = {"actor": actor, "subject": subject, "action": action, "outcome": outcome}
        asked |= {"from": str(since or ""), "until": str(until or "")}
        older = urlencode({name: value for name, value in asked.items() if value} | {"before": found.next or ""})
        actions = sorted(SUPPORTS[service.name])
        shown = {"asked": asked, "found": found, "older": older, "actions": actions, "words": rules.words}
        return pages.answer(request, "audit.html", **shown)

    return routes


def _begin(day: Day) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None
