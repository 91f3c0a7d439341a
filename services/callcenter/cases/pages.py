"""The pages of cases."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from services.callcenter.cases import reads
from services.callcenter.customers import reads as customers
from services.callcenter.customers.handlers import DESK
from services.callcenter.desk.reads import choices
from shared.edge.http import CurrentActor
from shared.edge.inputs import Id
from shared.pipeline.service import Service
from shared.web.render import Page, Pages


def router(service: Service, pages: Pages) -> APIRouter:
    """Pages of cases; the API has the same paths, for who doesn't ask for HTML."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/cases")
    def cases(request: Request, actor: CurrentActor) -> HTMLResponse:
        actor.need(*DESK)
        with Session(service.engine) as session:
            found = reads.some(session, state="open", limit=200)
            names = {card.member: card.name for card in customers.cards(session, {row.member for row in found})}
            return pages.answer(request, "cases.html", cases=found, names=names, choices=choices(session))

    @routes.get("/cases/{case}")
    def case(request: Request, case: Id, actor: CurrentActor) -> HTMLResponse:
        actor.need(*DESK)
        with Session(service.engine) as session:
            row = reads.one(session, str(case))
            card = customers.card(session, row.member)
            return pages.answer(request, "case.html", case=row, card=card, choices=choices(session))

    return routes
