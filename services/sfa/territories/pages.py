"""The pages of territories and of the reps who look after them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from pydantic import Field

from services.sfa.customers import reads as customers
from services.sfa.orders import board
from services.sfa.orders.board import Wanted
from services.sfa.requests import reads as requests
from services.sfa.territories import figures, reads
from services.sfa.territories.api import Place
from shared.access.actions import Action
from shared.edge.errors import NotFound
from shared.edge.http import CurrentActor
from shared.edge.inputs import Code, Id, Input, ShortText
from shared.pipeline.look import Look
from shared.pipeline.service import Service
from shared.texts import N_
from shared.web.render import Page, Pages

MOST = 100
"""Customers on one page."""


class TryBody(Input):
    territory: Place
    customers: Annotated[list[Id], Field(min_length=1, max_length=1_000)]


def router(service: Service, pages: Pages) -> APIRouter:
    """Pages of territories and reps; the API has some of the same paths, for who doesn't ask for HTML."""
    routes = APIRouter(route_class=Page, include_in_schema=False)

    @routes.get("/territories")
    def territories(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            known = reads.everything(look)
            parents = {one.id: one.parent for one in known}
            own = figures.by_territory(look)
            sums = None if own is None else figures.with_those_below(own, parents, parents)
            apart = figures.apart(look)
        context = {"territories": known, "sums": sums, "apart": apart, "regions": set(parents.values())}
        return pages.answer(request, "territories.html", **context)

    @routes.get("/territories/{territory}")
    def territory(request: Request, territory: Code, actor: CurrentActor, after: Id | None = None) -> HTMLResponse:
        with service.look(actor) as look:
            context = _territory(look, territory, str(after) if after else None)
        return pages.answer(request, "territory.html", **context)

    @routes.post("/territories/{territory}/try")
    def try_move(request: Request, territory: Code, body: TryBody, actor: CurrentActor) -> HTMLResponse:
        chosen = [str(one) for one in body.customers]
        with service.look(actor) as look:
            effect = figures.effect(look, chosen, territory, body.territory)
            names = reads.names_of(look.session, [territory, body.territory])
        context = {"effect": effect, "chosen": chosen, "former": territory, "to": body.territory, "names": names}
        return pages.answer(request, "try_move.html", **context)

    _add_reps(routes, service, pages)
    return routes


def _territory(look: Look, id: str, after: str | None) -> dict[str, Any]:
    known = reads.everything(look)
    one = next((each for each in known if each.id == id), None)
    if one is None:
        raise NotFound(N_("there is no such territory"))
    found = reads.customers_in(look, id, after, MOST + 1) if look.may(Action.CUSTOMER_READ) else []
    members, next_ = found[:MOST], found[MOST - 1] if len(found) > MOST else ""
    own = figures.by_territory(look)
    return {
        "one": one,
        "territories": known,
        "names": {each.id: each.name for each in known},
        "above": next((each for each in known if each.id == one.parent), None),
        "below": [each for each in known if each.parent == id],
        "figures": None if own is None else own.get(id, figures.Figures()),
        "cards": customers.cards(look, members),
        "open_of": figures.open_of(look, members),
        "next": next_,
        "apart": figures.apart_in(look, id),
        "moves": figures.moves(look, id),
    }


def _add_reps(routes: APIRouter, service: Service, pages: Pages) -> None:
    @routes.get("/reps")
    def reps(request: Request, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            known = reads.everything(look)
            of = figures.by_rep(look)
        everybody = sorted({rep for one in known for rep in one.reps} | set(of or ()))
        territories = {rep: [one for one in known if rep in one.reps] for rep in everybody}
        return pages.answer(request, "reps.html", territories=territories, figures=of)

    @routes.get("/reps/{rep}")
    def one_rep(request: Request, rep: ShortText, actor: CurrentActor) -> HTMLResponse:
        with service.look(actor) as look:
            known = [one for one in reads.everything(look) if rep in one.reps]
            of = figures.by_rep(look)
            orders = board.page(look, Wanted("open", rep=rep))[0] if look.may(Action.ORDER_READ) else []
            asked = requests.some(look, rep=rep, limit=MOST) if look.may(Action.REQUEST_READ) else []
            names = customers.names_of(look, {row.member for row in (*orders, *asked)})
        context = {"rep": rep, "territories": known, "orders": orders, "requests": asked, "names": names}
        of_it = None if of is None else of.get(rep, figures.RepFigures())
        return pages.answer(request, "rep.html", figures=of_it, now=look.now, **context)
