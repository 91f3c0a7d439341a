"""Cases over HTTP."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field, StringConstraints

from services.callcenter.cases import handlers, reads
from services.callcenter.contacts.api import plain
from shared.access.actions import Action
from shared.edge.http import CurrentActor
from shared.edge.inputs import Code, Custom, Id, Input, Instant, LongText, ShortText
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
    custom: Custom = Field(default_factory=dict)
    """Values of the department's own fields of cases, by code."""


class MoveBody(Input):
    step: Code | Literal[""]
    """A state of the department's own; empty: none."""


class DescribeBody(Input):
    custom: Custom
    """Values of the department's own fields of cases, by code; empty: none. Those that aren't named stay."""


class ResolveBody(Input):
    solution: LongText = ""
    at: Instant | None = None


class Case(BaseModel):
    case: str
    customer: str
    contact: str | None
    reason: str
    subject: str | None
    state: str
    requested: datetime
    opened: datetime
    opened_by: str
    resolved: datetime | None
    solution: str | None
    seconds_to_solution: float | None
    immediate: bool | None
    product: str
    place: str
    step: str
    """The department's own state, beside the platform's."""
    custom: dict[str, str]
    masked: list[str]
    """What it has and is hidden from the actor."""


def router(service: Service) -> APIRouter:
    """Endpoints of cases."""
    routes = APIRouter(tags=["cases"])
    Once = Annotated[Command, Depends(commands(service))]

    @routes.post("/cases", status_code=201)
    def open_case(body: OpenBody, command: Once) -> Response:
        """Open a case. Needs case.work; with contact.report one may say when it was."""
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
            body.custom,
        )
        return command.run(lambda work: plain(handlers.open_cases(work, [new])[0]), status=201)

    @routes.post("/cases/{case}/step")
    def move(case: Id, body: MoveBody, command: Once) -> Response:
        """Put it into a state of the department's own, or into none. Needs case.work."""
        return command.run(lambda work: plain(handlers.move(work, handlers.Move(str(case), body.step))))

    @routes.post("/cases/{case}/describe")
    def describe(case: Id, body: DescribeBody, command: Once) -> Response:
        """Write other values into the department's own fields. Needs case.work."""
        new = handlers.Describe(str(case), body.custom)
        return command.run(lambda work: plain(handlers.describe(work, new)))

    @routes.post("/cases/{case}/resolve")
    def resolve(case: Id, body: ResolveBody, command: Once) -> Response:
        """The customer has the solution. Needs case.work."""
        solved = handlers.Resolve(str(case), body.solution, body.at)
        return command.run(lambda work: plain(handlers.resolve(work, [solved])[0]))

    @routes.get("/cases")
    def some(
        actor: CurrentActor,
        customer: Id | None = None,
        state: Literal["open", "resolved"] | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> list[Case]:
        """Cases of a customer or of all. Needs case.read, and shows those within reach."""
        with service.look(actor) as look:
            look.need(Action.CASE_READ)
            if customer:
                found = reads.of_customer(look, str(customer), state=state, limit=limit)
            else:
                found = reads.some(look, state=state, limit=limit)
            return [shown(one) for one in found]

    @routes.get("/cases/{case}")
    def read(case: Id, actor: CurrentActor) -> Case:
        """A case. Needs case.read."""
        with service.look(actor) as look:
            return shown(reads.one(look, str(case)))

    return routes


def shown(case: reads.Case) -> Case:
    """A case as it is answered."""
    values = asdict(case) | {"masked": list(case.masked)}
    return Case.model_construct(case=values.pop("id"), customer=values.pop("member"), **values)
