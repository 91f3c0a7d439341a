"""The pages of cases."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.callcenter.cases import reads
from services.callcenter.customers import reads as customers
from services.callcenter.desk.reads import choices
from shared.access.actions import Action
from shared.edge.http import CurrentActor
from shared.edge.inputs import Id
from shared.pipeline.service import Service
from shared.web.render import Page, Pages


def router(service: Service, pages: Pages) -> APIRouter:
    """Pages of cases; the API has the same paths, for who doesn't ask for HTML."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/cases")
    def cases(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            look.need(Action.CASE_READ)
            found = reads.some(look, state="open", limit=200)
            cards = {card.member: card for card in customers.cards(look, {one.member for one in found})}
            return pages.answer(request, "cases.html", cases=found, cards=cards, choices=choices(look), now=look.now)

    @routes.get("/cases/{case}")
    def case(request: Request, case: Id, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            found = reads.one(look, str(case))
            card = next(iter(customers.cards(look, [found.member])), None)
            return pages.answer(request, "case.html", case=found, card=card, choices=choices(look), now=look.now)

    return routes
