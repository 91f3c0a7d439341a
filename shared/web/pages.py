"""Pages that every service has: the one for who is signed out, and the files that pages are made of."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse
from starlette.requests import Request

from shared.edge.errors import NotFound
from shared.edge.http import public
from shared.web.i18n import N_
from shared.web.render import Pages

SAID = {
    "": N_("You are signed out."),
    "failed": N_("Signing in didn't work. Try once more."),
    "away": N_("Nobody can sign in just now, because the service for it doesn't answer. Try again in a minute."),
}
"""What the page says to whom signing in left without a session."""

STATIC = Path(__file__).parent / "static"


def router(pages: Pages, *folders: Path) -> APIRouter:
    """The page for who is signed out, and static files: those here and those in ``folders`` of the service."""
    routes = APIRouter(include_in_schema=False)
    # Looked up by name and never by path, so that nothing outside the folders can be asked for.
    files = {path.name: path for folder in (STATIC, *folders) for path in folder.iterdir() if path.is_file()}

    @routes.get("/signed-out")
    @public
    def signed_out(request: Request) -> HTMLResponse:
        return pages.answer(request, "signed_out.html", said=SAID.get(request.query_params.get("why", ""), SAID[""]))

    @routes.get("/static/{name}")
    @public
    def static(name: str) -> FileResponse:
        if name not in files:
            raise NotFound("there is no such file")
        return FileResponse(files[name], headers={"cache-control": "no-cache"})

    return routes
