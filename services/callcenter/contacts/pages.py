"""The page of a contact."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.callcenter.contacts import reads
from services.callcenter.customers import reads as customers
from services.callcenter.desk.reads import choices, habits
from shared.edge.http import CurrentActor
from shared.edge.inputs import Id
from shared.pipeline.service import Service
from shared.web.render import Page, Pages


def router(service: Service, pages: Pages) -> APIRouter:
    """Pages of contacts; the API has the same paths, for who doesn't ask for HTML."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/contacts/{contact}")
    def contact(request: Request, contact: Id, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            found = reads.one(look, str(contact))
            cards = customers.cards(look, [found.member])
            return pages.answer(
                request,
                "contact.html",
                contact=found,
                card=next(iter(cards), None),
                choices=choices(look),
                habits=habits(look, found),
            )

    return routes
