"""Territories over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field, StringConstraints

from services.sfa.territories import handlers, reads
from services.sfa.territories.handlers import Assign, Define, Rep
from shared.edge.http import CurrentActor
from shared.edge.inputs import Code, Id, Input, ShortText
from shared.events.envelope import new_id
from shared.pipeline.commands import Command, commands
from shared.pipeline.service import Service
from shared.pipeline.work import Work

Name = Annotated[ShortText, StringConstraints(min_length=1)]
Place = Code | Annotated[str, StringConstraints(max_length=0)]
"""A territory, or empty for none."""


class DefineBody(Input):
    territory: Code
    name: Name
    parent: Place = ""
    """The region that it belongs to; empty at the top."""
    expected: Place | None = None
    """The region that the author saw it in; without it, whatever it is."""


class RepBody(Input):
    rep: Name
    """An actor's id."""


class Customer(Input):
    customer: Id
    expected: Place | None = None
    """The territory that the author saw this one in, if not that of all."""


class AssignBody(Input):
    territory: Place
    """Where they are to be; empty for none."""
    customers: Annotated[list[Customer | Id], Field(min_length=1, max_length=1_000)]
    """Ids, or ids with what the author saw of each."""
    expected: Place = ""
    """The territory that the author saw them in; empty for none."""


class PutBody(Input):
    territory: Place
    expected: Place = ""


class Territory(BaseModel):
    territory: str
    name: str
    parent: str
    depth: int
    reps: tuple[str, ...]
    customers: int | None
    """In itself, not counting those in territories below; none where they aren't all within reach."""


def router(service: Service) -> APIRouter:
    """Endpoints of territories."""
    routes = APIRouter(tags=["territories"])
    Once = Annotated[Command, Depends(commands(service))]

    @routes.post("/territories")
    def define(body: DefineBody, command: Once) -> Response:
        """Add a territory, or change its name or region (territory.define)."""
        new = Define(body.territory, body.name, body.parent, body.expected)
        return command.run(lambda work: {"territory": new.territory, "changed": handlers.define(work, [new])})

    @routes.get("/territories")
    def everything(actor: CurrentActor) -> list[Territory]:
        """All territories, each below its region (territory.read)."""
        with service.look(actor) as look:
            return [_shown(one) for one in reads.everything(look)]

    @routes.post("/territories/{territory}/reps")
    def assign_rep(territory: Code, body: RepBody, command: Once) -> Response:
        """A rep looks after a territory and all below it (territory.define)."""
        rep = Rep(territory, body.rep)
        return command.run(lambda work: {"assigned": len(handlers.assign_reps(work, [rep]))})

    @routes.post("/territories/{territory}/reps/withdraw")
    def withdraw_rep(territory: Code, body: RepBody, command: Once) -> Response:
        """A rep looks after a territory no longer (territory.define)."""
        rep = Rep(territory, body.rep)
        return command.run(lambda work: {"withdrawn": len(handlers.withdraw_reps(work, [rep]))})

    @routes.get("/territories/{territory}/customers")
    def customers(
        territory: Code,
        actor: CurrentActor,
        after: Id | None = None,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    ) -> list[str]:
        """Customers within reach that were put into this very territory, by id (territory.read, customer.read)."""
        with service.look(actor) as look:
            return reads.customers_in(look, territory, str(after) if after else None, limit)

    @routes.post("/territory-assignments")
    def assign(body: AssignBody, command: Once) -> Response:
        """Put customers into a territory, all or none of them (territory.define). The answer's move can be undone."""
        wanted = [_wanted(one, body.expected) for one in body.customers]
        return command.run(lambda work: _moved(work, body.territory, wanted))

    @routes.post("/customers/{customer}/territory")
    def put(customer: Id, body: PutBody, command: Once) -> Response:
        """Put one customer into a territory (territory.define). The answer's move can be undone."""
        one = [Assign(str(customer), body.expected)]
        return command.run(lambda work: _moved(work, body.territory, one))

    @routes.post("/territory-moves/{move}/undo")
    def undo(move: Id, command: Once) -> Response:
        """Put those back who were moved together, as far as nobody moved them on since (territory.define)."""

        def run(work: Work) -> dict[str, object]:
            new = new_id()
            back, left = handlers.undo(work, str(move), new)
            return {"restored": len(back), "left": left, "move": new}

        return command.run(run)

    return routes


def _wanted(one: Customer | UUID, expected: str) -> Assign:
    if isinstance(one, Customer):
        return Assign(str(one.customer), expected if one.expected is None else one.expected)
    return Assign(str(one), expected)


def _moved(work: Work, to: str, wanted: list[Assign]) -> dict[str, object]:
    move = new_id()
    moved = handlers.assign_customers(work, to, wanted, move)
    return {"assigned": len(moved), "move": move if moved else ""}


def _shown(one: reads.Territory) -> Territory:
    return Territory(
        territory=one.id,
        name=one.name,
        parent=one.parent,
        depth=one.depth,
        reps=one.reps,
        customers=one.customers,
    )
