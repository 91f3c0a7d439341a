"""The page to begin with: one box, and what fits the words in it."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.sync.search import reads
from services.sync.search.api import SearchBody
from services.sync.timeline.rules import address
from shared.edge.http import CurrentActor
from shared.pipeline.service import Service
from shared.texts import N_
from shared.web.render import Page, Pages

KINDS: Mapping[str, str] = {
    "contact": N_("Contact"),
    "case": N_("Case"),
    "order": N_("Order"),
    "note": N_("Note"),
}
"""What can be found by its id."""


def router(service: Service, urls: Mapping[str, str], pages: Pages) -> APIRouter:
    """The page, and the part of it that an answer replaces. ``urls``: of the services, for links."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    def context(found: reads.Everything, words: str) -> dict[str, Any]:
        links = {one.id: address(one.kind, one.id, urls.get(one.source)) for one in found.things}
        links |= {one.territory: address("territory", one.territory, urls.get("sfa")) for one in found.territories}
        return {"found": found, "words": words, "links": links, "kinds": KINDS}

    @routes.get("/")
    def search_page(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            found = reads.everything(look, "")
        return pages.answer(request, "search.html", **context(found, ""))

    @routes.post("/search")
    def search(request: Request, body: SearchBody, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            found = reads.everything(look, body.words, body.limit)
        return pages.answer(request, "found.html", **context(found, body.words))

    return routes
