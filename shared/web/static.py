"""The files that pages are made of: built into build/web/ by ``deploy.assets``, and found by name."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse
from starlette.requests import Request

from shared.edge.errors import NotFound
from shared.edge.http import public
from shared.texts import N_

BUILT = Path(__file__).parents[2] / "build" / "web"
PACKED = ".gz"
FOR_EVER = "public, max-age=31536000, immutable"


class NotBuilt(RuntimeError):
    """What pages load isn't there; `make setup` builds it."""


@cache
def files() -> dict[str, Path]:
    """Name -> file. Looked up by name and never by path, so that nothing outside the folder can be asked for.

    Raises ``NotBuilt``.
    """
    if not (BUILT / "built").exists():
        raise NotBuilt(f"{BUILT} isn't built: run `make setup`")
    return {path.name: path for path in BUILT.iterdir() if path.suffix != PACKED and path.name != "built"}


@cache
def address(name: str) -> str:
    """Where a file is found: with its content in the address, so that browsers may keep it for ever."""
    return f"/static/{name}?v={hashlib.sha256(files()[name].read_bytes()).hexdigest()[:12]}"


def router() -> APIRouter:
    """The files, smaller where the browser takes them so."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/static/{name}")
    @public
    def static(request: Request, name: str) -> FileResponse:
        path = files().get(name)
        if path is None:
            raise NotFound(N_("there is no such file"))
        headers = {"cache-control": FOR_EVER if "v" in request.query_params else "no-cache", "vary": "accept-encoding"}
        packed = path.with_name(path.name + PACKED)
        if "gzip" in request.headers.get("accept-encoding", "") and packed.exists():
            plain = FileResponse(path)
            return FileResponse(packed, headers={**headers, "content-encoding": "gzip"}, media_type=plain.media_type)
        return FileResponse(path, headers=headers)

    return routes
