"""Pages of identity: a customer's other members as a part of its page, what people may look at, and two members beside
each other to decide about."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.sync.identity import reads, ties
from services.sync.identity.api import After, Why, place
from shared.access.actions import Action
from shared.edge.errors import NotFound
from shared.edge.http import CurrentActor
from shared.edge.inputs import Id
from shared.pipeline import clusters
from shared.pipeline.look import Look
from shared.pipeline.service import Service
from shared.texts import N_
from shared.web.render import Page, Pages

SIZE = 50
IN_COMMON: Mapping[str, str] = {
    "phone": N_("the same phone number"),
    "email": N_("the same e-mail address"),
    "person": N_("joined by a person"),
}
WHY: Mapping[str, str] = {"names": N_("Different names"), "crowded": N_("Shared by many")}
"""Why a person has to decide."""
REASONS: Mapping[str, str] = {
    "different": N_("They are different people"),
    "shared": N_("They share the number or address"),
    "household": N_("They live in one household"),
    "mistake": N_("It was a typing mistake"),
    "told": N_("The customer said so"),
}
"""Why somebody decides so, by the code."""


def router(service: Service, pages: Pages) -> APIRouter:
    """Pages; the API has some of the same paths, for who doesn't ask for HTML."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/suggestions")
    def suggestions(request: Request, actor: CurrentActor, why: Why = "names", after: After = "") -> HTMLResponse:
        with service.look(actor) as look:
            found, last = reads.suggestions(look, why, place(after), SIZE)
            lately = ties.decided(look)
            named = {of.customer for of in found}.union(other.customer for of in found for other in of.others)
            named |= {one.customer for said in lately for one in (said.a, said.b)}
            decidable = look.fields(Action.IDENTITY_DECIDE, named)
        following = ".".join(last) if last else ""
        shown = {"found": found, "why": why, "following": following, "lately": lately, "decidable": decidable}
        return pages.answer(request, "suggestions.html", **shown, **_WORDS, why_labels=WHY)

    @routes.get("/customers/{member}/same")
    def same(request: Request, member: Id, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            return pages.answer(request, "same.html", **context(look, str(member)))

    @routes.get("/customers/{member}/beside/{other}")
    def beside(request: Request, member: Id, other: Id, actor: CurrentActor) -> HTMLResponse:
        pair = str(member), str(other)
        with service.look(actor) as look:
            look.need(Action.IDENTITY_DECIDE)
            if len(look.fields(Action.CUSTOMER_READ, pair)) < len(pair):
                raise NotFound(N_("there is nobody of these ids whom you may see"))
            shown = {
                "pair": reads.beside(look, pair),
                "are_one": pair[1] in clusters.others(look.session, pair[0]),
                "joined": ties.preview(look, *pair, joined=True),
                "parted": ties.preview(look, *pair, joined=False),
                "ties": [tie for tie in ties.ties(look, pair[0]) if {tie.a.customer, tie.b.customer} == set(pair)],
            }
        return pages.answer(request, "beside.html", member=pair[0], other=pair[1], **shown, **_WORDS)

    return routes


_WORDS = {"in_common": IN_COMMON, "decision_reasons": REASONS}


def context(look: Look, member: str) -> dict[str, Any]:
    """What ``same.html`` needs. Raises ``Forbidden``."""
    same = reads.identity(look, member)
    others = [*same.others, *(one.other for one in same.decided), *(o for of in same.suggestions for o in of.others)]
    decidable = look.fields(Action.IDENTITY_DECIDE, [member, *(other.customer for other in others)])
    found = ties.ties(look, member) if same.others else []
    return {"member": member, "same": same, "decidable": decidable, "ties": found, **_WORDS}
