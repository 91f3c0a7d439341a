"""The pages of orders."""

from typing import Annotated, Literal

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from pydantic import StringConstraints

from services.sfa.customers import reads as customers
from services.sfa.orders import board, reads
from services.sfa.orders.board import Wanted
from services.sfa.orders.rules import OPEN, STATES
from services.sfa.territories import reads as territories
from services.sfa.territories.api import Place
from shared.access.actions import Action
from shared.edge.http import CurrentActor
from shared.edge.inputs import Id, ShortText
from shared.pipeline.service import Service
from shared.web.render import Page, Pages

CHOICES = ("open", "late", *STATES, "")
State = Literal["open", "late", "placed", "provisioned", "delivered", "cancelled", ""]
Mark = Annotated[str, StringConstraints(max_length=100)]
"""Where a page begins: what the former one named as the next."""


def router(service: Service, pages: Pages) -> APIRouter:
    """Pages of orders; the API has the same paths, for who doesn't ask for HTML."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/orders")
    def orders(
        request: Request,
        actor: CurrentActor,
        state: State = "open",
        territory: Place = "",
        rep: ShortText = "",
        after: Mark = "",
    ) -> HTMLResponse:
        with service.look(actor) as look:
            below = territories.below(look.session, territory) if territory else None
            found, next_ = board.page(look, Wanted(state, below, rep), after)
            of_all = board.board(look, Wanted("", below, rep)) if not after else None
            names = customers.names_of(look, {row.member for row in found})
            known = territories.everything(look) if look.may(Action.TERRITORY_READ) else []
            called = {one.id: one.name for one in known}
        return pages.answer(
            request,
            "orders.html",
            orders=found,
            board=of_all,
            next=next_,
            names=names,
            state=state,
            territory=territory,
            rep=rep,
            states=CHOICES,
            every=STATES,
            territories=known,
            called=called,
            reps=sorted({each for one in known for each in one.reps}),
            now=look.now,
        )

    @routes.get("/orders/{order}")
    def order(request: Request, order: Id, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            whole = reads.one(look, str(order))
            name = customers.names_of(look, [whole.order.member])[whole.order.member]
            territory = territories.names_of(look.session, [whole.order.territory]).get(whole.order.territory, "")
        return pages.answer(
            request,
            "order.html",
            whole=whole,
            order=whole.order,
            name=name,
            territory=territory,
            is_open=whole.order.state in OPEN,
            may_step=whole.may_step,
            now=look.now,
        )

    return routes
