"""The ways into an application: every route that there is, found from its code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi.routing import APIRoute

from shared.web.render import Page


class Way(NamedTuple):
    """A route, by what a request must look like to come to it."""

    method: str
    path: str
    page: bool = False
    """Taken only when the request asks for HTML."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}{' as a page' if self.page else ''}"


def ways(app: FastAPI) -> list[Way]:
    """All routes of an application, those of its routers included, in the order in which they are looked at."""
    return list(dict.fromkeys(_ways(app.routes)))


def _ways(routes: Iterable[Any]) -> Iterator[Way]:
    for route in routes:
        if isinstance(route, APIRoute):
            for method in sorted(route.methods or ()):
                yield Way(method, route.path, isinstance(route, Page))
        elif inner := getattr(route, "original_router", None):
            yield from _ways(inner.routes)
        elif hasattr(route, "path"):
            # A mount or a plain route would be a way in that isn't asked for leave.
            yield Way("ANY", route.path)
