"""Pages of identity: a customer's other members as a part of its page, and what people may look at."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from services.sync.identity import reads
from services.sync.identity.api import After, Why, place
from services.sync.identity.handlers import DECIDERS
from services.sync.readers import READERS
from shared.edge.actor import Actor
from shared.edge.http import CurrentActor
from shared.edge.inputs import Id
from shared.pipeline.service import Service
from shared.web.i18n import N_
from shared.web.render import Page, Pages

SIZE = 50
IN_COMMON = {"phone": N_("the same phone number"), "email": N_("the same e-mail address")}
REASONS = {"names": N_("Different names"), "crowded": N_("Shared by many")}
"""Why a person has to decide."""


def router(service: Service, pages: Pages) -> APIRouter:
    """Pages; the API has some of the same paths, for who doesn't ask for HTML."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/suggestions")
    def suggestions(request: Request, actor: CurrentActor, why: Why = "names", after: After = "") -> HTMLResponse:
        actor.need(*READERS)
        with Session(service.engine) as session:
            found, last = reads.suggestions(session, why, place(after), SIZE)
        following = ".".join(last) if last else ""
        return pages.answer(
            request, "suggestions.html", found=found, why=why, following=following, reasons=REASONS, **_words(actor)
        )

    @routes.get("/customers/{member}/same")
    def same(request: Request, member: Id, actor: CurrentActor) -> HTMLResponse:
        actor.need(*READERS)
        with Session(service.engine) as session:
            return pages.answer(request, "same.html", **context(session, str(member), actor))

    return routes


def context(session: Session, member: str, actor: Actor) -> dict[str, Any]:
    """What ``same.html`` needs."""
    return {"member": member, "same": reads.identity(session, member), **_words(actor)}


def _words(actor: Actor) -> dict[str, Any]:
    return {"may_decide": bool(actor.roles.intersection(DECIDERS)), "in_common": IN_COMMON}
