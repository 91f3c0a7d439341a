"""Pages that every service has: the one for who is signed out, and the files that pages are made of."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.requests import Request

from shared.edge.http import public
from shared.texts import N_
from shared.web import static
from shared.web.render import Pages

SAID = {
    "": N_("You are signed out."),
    "failed": N_("Signing in didn't work. Try once more."),
    "away": N_("Nobody can sign in just now, because the service for it doesn't answer. Try again in a minute."),
}
"""What the page says to whom signing in left without a session."""


def router(pages: Pages) -> APIRouter:
    """The page for who is signed out, and static files."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/signed-out")
    @public
    def signed_out(request: Request) -> HTMLResponse:
        return pages.answer(request, "signed_out.html", said=SAID.get(request.query_params.get("why", ""), SAID[""]))

    routes.include_router(static.router())
    return routes
