"""Pages that every service has: sign-in, and the files that pages are made of."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse
from starlette.requests import Request

from shared.edge.errors import NotFound
from shared.edge.http import public
from shared.web.render import Pages

STATIC = Path(__file__).parent / "static"


def router(pages: Pages, *folders: Path) -> APIRouter:
    """Sign-in and static files: those here and those in ``folders`` of the service."""
    routes = APIRouter(include_in_schema=False)
    # Looked up by name and never by path, so that nothing outside the folders can be asked for.
    files = {path.name: path for folder in (STATIC, *folders) for path in folder.iterdir() if path.is_file()}

    @routes.get("/sign-in")
    @public
    def sign_in(request: Request) -> HTMLResponse:
        return pages.answer(request, "sign_in.html")

    @routes.get("/static/{name}")
    @public
    def static(name: str) -> FileResponse:
        if name not in files:
            raise NotFound("there is no such file")
        return FileResponse(files[name], headers={"cache-control": "no-cache"})

    return routes
