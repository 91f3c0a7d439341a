"""Cases over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, StringConstraints
from sqlalchemy.orm import Session

from services.callcenter.cases import handlers, reads
from services.callcenter.contacts.api import plain
from services.callcenter.customers.handlers import DESK
from shared.edge.http import CurrentActor
from shared.edge.inputs import Code, Id, Input, Instant, LongText, ShortText
from shared.pipeline.commands import Command, commands
from shared.pipeline.service import Service


class OpenBody(Input):
    customer: Id
    reason: Code
    subject: Annotated[ShortText, StringConstraints(min_length=1)]
    contact: Id | None = None
    requested: Instant | None = None
    """When the customer asked; without it, when the contact was offered, else now."""
    at: Instant | None = None
    product: Code | None = None
    """What it is about, if anything that the company sells."""
    place: Code | None = None
    """Where, as coarse as an area or a city; never an address."""


class ResolveBody(Input):
    solution: LongText = ""
    at: Instant | None = None


class Case(BaseModel):
    case: str
    customer: str
    contact: str | None
    reason: str
    subject: str
    state: str
    requested: datetime
    opened: datetime
    opened_by: str
    resolved: datetime | None
    solution: str
    seconds_to_solution: float | None
    immediate: bool | None
    product: str
    place: str


def router(service: Service) -> APIRouter:
    """Endpoints of cases."""
    routes = APIRouter(tags=["cases"])
    Once = Annotated[Command, Depends(commands(service))]

    @routes.post("/cases", status_code=201)
    def open_case(body: OpenBody, command: Once) -> Response:
        """Open a case. Roles agent, supervisor; telephony and importer may say when it was."""
        contact = str(body.contact) if body.contact else None
        new = handlers.Open(
            str(body.customer),
            body.reason,
            body.subject,
            contact,
            body.requested,
            body.at,
            body.product or "",
            body.place or "",
        )
        return command.run(lambda work: plain(handlers.open_cases(work, [new])[0]), status=201)

    @routes.post("/cases/{case}/resolve")
    def resolve(case: Id, body: ResolveBody, command: Once) -> Response:
        """The customer has the solution. Roles as for opening."""
        solved = handlers.Resolve(str(case), body.solution, body.at)
        return command.run(lambda work: plain(handlers.resolve(work, [solved])[0]))

    @routes.get("/cases")
    def some(
        actor: CurrentActor,
        customer: Id | None = None,
        state: Literal["open", "resolved"] | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> list[Case]:
        """Cases of a customer or of all. Roles agent, supervisor."""
        actor.need(*DESK)
        with Session(service.engine) as session:
            members = [str(customer)] if customer else None
            return [shown(row) for row in reads.some(session, members=members, state=state, limit=limit)]

    @routes.get("/cases/{case}")
    def read(case: Id, actor: CurrentActor) -> Case:
        """A case. Roles agent, supervisor."""
        actor.need(*DESK)
        with Session(service.engine) as session:
            return shown(reads.one(session, str(case)))

    return routes


def shown(row: Any) -> Case:
    """A case's row as it is answered."""
    values = dict(row._mapping)
    return Case.model_construct(case=values.pop("id"), customer=values.pop("member"), **values)
