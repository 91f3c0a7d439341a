"""Requests over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from services.sfa.requests import handlers, reads
from services.sfa.requests.rules import Decision
from shared.edge.http import CurrentActor
from shared.edge.inputs import Id
from shared.pipeline.commands import Command, commands
from shared.pipeline.service import Service

State = Literal["undecided", "waiting", "placed", "refused"]


class Line(BaseModel):
    product: str
    quantity: int
    unit_price: int


class Request(BaseModel):
    order: str
    customer: str
    lines: list[Line]
    currency: str
    rep: str
    device: str
    number: int
    requested: datetime
    state: State
    reason: str
    """Why it is refused or waits, as a code; ``order_exists``: its id was another order's already."""
    decided: datetime | None
    decided_by: str


def router(service: Service, currency: str) -> APIRouter:
    """Endpoints of what reps ask for on their devices. ``currency``: of all amounts here."""
    routes = APIRouter(tags=["requests"])
    Once = Annotated[Command, Depends(commands(service))]

    @routes.get("/requests")
    def some(
        actor: CurrentActor, state: State | None = None, limit: Annotated[int, Query(ge=1, le=1_000)] = 100
    ) -> list[Request]:
        """Orders taken on devices, and what became of them, the newest first (request.read)."""
        with service.look(actor) as look:
            return [_shown(row) for row in reads.some(look, state=state, limit=limit)]

    @routes.post("/requests/{order}/accept")
    def accept(order: Id, command: Once) -> Response:
        """Place what waits for a person, whatever its age and the rep's territory (request.decide)."""
        return command.run(lambda work: _decided(str(order), handlers.accept(work, str(order), currency)))

    @routes.post("/requests/{order}/refuse")
    def refuse(order: Id, command: Once) -> Response:
        """Refuse what waits for a person (request.decide)."""
        return command.run(lambda work: _decided(str(order), handlers.refuse(work, str(order))))

    return routes


def _decided(order: str, decision: Decision) -> dict[str, str]:
    return {"order": order, "state": decision.outcome, "reason": decision.reason}


def _shown(row: Any) -> Request:
    values = dict(row._mapping)
    values.pop("id")
    return Request(order=values.pop("order_id"), customer=values.pop("member"), **values)
