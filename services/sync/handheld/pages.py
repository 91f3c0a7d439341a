"""The app's page, and what a browser asks for beside it. The page has nothing of customers in it: these come by the
device protocol, so a browser may keep the page for when there is no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from services.sync.handheld.texts import TEXTS
from services.sync.timeline.lines import LABELS
from shared.access.actions import Action
from shared.customer.fields import BUILT_IN, Field
from shared.edge.actor import Actor
from shared.edge.http import CurrentActor, public
from shared.edge.language import catalog, language_of
from shared.pipeline.definitions import custom_fields
from shared.pipeline.service import Service
from shared.texts import N_
from shared.web import static
from shared.web.render import Page, Pages

SCOPE = "/handheld"
TITLE = N_("Handheld")


def router(service: Service, pages: Pages) -> APIRouter:
    """The page, for who may enrol devices."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get(SCOPE)
    def handheld(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            look.need(Action.DEVICE_ENROL)
            # What departments have of their own is described to who may read descriptions.
            own = custom_fields(look.session) if look.grants.may(Action.FIELD_READ) else {}
            fields = [*BUILT_IN.values(), *own.values()]
        return pages.answer(request, "handheld.html", shell=_shell(request, actor, fields))

    return routes


def files_router() -> APIRouter:
    """The app's other files, open to anybody as all that pages are made of."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/handheld/worker.js")
    @public
    def worker() -> FileResponse:
        # Not with the other files: a service worker has to do only with what lies where it lies.
        headers = {"cache-control": "no-cache", "service-worker-allowed": SCOPE}
        return FileResponse(static.files()["handheld_worker.js"], headers=headers)

    @routes.get("/handheld/manifest.webmanifest")
    @public
    def manifest(request: Request) -> Response:
        icon = {"src": static.address("icon.svg"), "type": "image/svg+xml", "sizes": "any"}
        name = catalog(language_of(request)).gettext(TITLE)
        body = {"name": name, "start_url": SCOPE, "scope": SCOPE, "display": "standalone", "icons": [icon]}
        return Response(msgspec.json.encode(body), media_type="application/manifest+json", headers=_VARY)

    return routes


_VARY = {"vary": "accept-language, cookie", "cache-control": "no-cache"}


def _shell(request: Request, actor: Actor, fields: Iterable[Field]) -> str:
    """What the app needs to know before anything is pulled, as JSON."""
    language = language_of(request)
    translate = catalog(language).gettext

    def translated(texts: Mapping[str, str]) -> dict[str, str]:
        return {name: translate(text) for name, text in texts.items()}

    def described(field: Field) -> dict[str, Any]:
        choices = [{"value": choice, "label": translate(choice)} for choice in field.choices]
        label = translate(field.label_in(language))
        about = {"kind": field.kind, "many": field.many, "retired": field.retired}
        return {"name": field.name, "label": label, "choices": choices, **about}

    shell = {
        "rep": actor.name or actor.id,
        "texts": translated(TEXTS),
        "labels": translated(LABELS),
        "fields": [described(field) for field in fields],
    }
    return msgspec.json.encode(shell).decode()
