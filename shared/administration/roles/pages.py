"""The page of roles: what each allows, in one table, and an editor that shows how a role differs from another."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from shared.access.actions import ANY_FIELD, SUPPORTS, Reach
from shared.access.roles import Role
from shared.administration.roles import reads
from shared.edge.http import CurrentActor
from shared.pipeline.service import Service
from shared.web.render import Page, Pages

Name = Annotated[str, Query(pattern=r"^([a-z0-9][a-z0-9_.-]{0,39})?$")]


def router(service: Service, pages: Pages) -> APIRouter:
    """The page of roles."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/roles")
    def roles(request: Request, actor: CurrentActor, edit: Name = "", like: Name = "") -> HTMLResponse:
        with service.look(actor) as look:
            table = reads.table(look)
        known = {role.name: role for role, _ in table.roles}
        own = {role.name: role for role, built_in in table.roles if not built_in}
        supported = [(action, reaches) for action, reaches in sorted(SUPPORTS[service.name].items())]
        editor = _editor(own.get(edit), known.get(like))
        return pages.answer(request, "roles.html", table=table, supported=supported, reaches=list(Reach), **editor)

    return routes


def _editor(edited: Role | None, compared: Role | None) -> dict[str, Any]:
    """What the editor shows: the role that is edited, none for a new one, beside the one that it is compared with."""
    of = edited or compared
    grants = of.grants if of else ()
    fields = {one.fields for one in grants}
    return {
        "edited": edited,
        "compared": compared,
        "granted": {f"{one.action}/{one.reach}" for one in grants},
        "alike": {f"{one.action}/{one.reach}" for one in compared.grants} if compared else set(),
        "fields": sorted({name for of_one in fields for name in of_one if name != ANY_FIELD}),
        "differ": len(fields) > 1,
    }
