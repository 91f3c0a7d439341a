"""The page on which a department defines its fields, lists and states."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from pydantic import BeforeValidator

from shared.access.actions import Action
from shared.administration.definitions import reads, rules
from shared.administration.definitions.api import DefinitionBody
from shared.customer.definitions import NotDefinable, check
from shared.edge.errors import Invalid
from shared.edge.http import CurrentActor
from shared.edge.inputs import ShortText
from shared.pipeline.service import Service
from shared.web.render import Page, Pages


class PreviewBody(DefinitionBody):
    """A definition as it stands in the form: choices may still be one text."""

    choices: Annotated[
        tuple[ShortText, ...],
        BeforeValidator(lambda given: rules.choices_in(given) if isinstance(given, str) else given),
    ] = ()


def router(service: Service, pages: Pages) -> APIRouter:
    """The page of definitions, and how a field will look before it is saved."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/definitions")
    def definitions(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            lists = rules.lists(service.name, reads.everything(look))
        return pages.answer(request, "definitions.html", lists=lists)

    @routes.post("/definitions/preview")
    def preview(request: Request, body: PreviewBody, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            look.need(Action.FIELD_DEFINE)
        try:
            check(service.name, body.meant())
        except NotDefinable as error:
            raise Invalid(error) from None
        return pages.answer(request, "definition_preview.html", definition=body.meant())

    return routes
