"""The device protocol over HTTP: docs/devices.md."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from services.sync.devices import handlers, reads, rules
from services.sync.devices.handlers import OPERATORS, Sent, Ways
from shared.edge.http import JSON, CurrentActor, encoded
from shared.edge.inputs import ClaimId, FieldName, Id, Input, Instant, LongText, ShortText
from shared.pipeline.commands import Command, commands
from shared.pipeline.service import Service
from shared.pipeline.work import Work

MOST_MUTATIONS = 200
LARGEST = 2**31 - 1

OwnId = Annotated[
    str, StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
]
"""A UUIDv7 that the device makes."""
Text = Annotated[LongText, StringConstraints(min_length=1)]
Product = Annotated[str, StringConstraints(pattern=r"^[\w.:/-]{1,100}$")]
Price = Annotated[int, Field(ge=0, le=10**12)]
Number = Annotated[int, Field(ge=1, le=LARGEST - 1)]


class EnrolBody(Input):
    name: Annotated[ShortText, StringConstraints(min_length=1)]
    """What the rep calls the device."""


class RevokeBody(Input):
    reason: Literal["lost", "replaced", "left", "misuse"] = "lost"


class MutationBody(BaseModel):
    """One mutation. What else it has depends on its kind; one that can't be read is refused by itself."""

    model_config = ConfigDict(extra="allow", frozen=True)

    number: Number
    """1, 2, 3 … of this device."""


class PushBody(Input):
    sent: Instant
    """The present by the device's clock."""
    mutations: Annotated[list[MutationBody], Field(min_length=1, max_length=MOST_MUTATIONS)]


class DiscardBody(Input):
    reason: Annotated[ShortText, StringConstraints(min_length=1)]


class _Mutation(Input):
    number: Number
    made: Instant
    customer: Id


class _Note(_Mutation):
    kind: Literal["note"]
    note: OwnId
    text: Text


class _Claim(Input):
    id: OwnId
    field: FieldName
    value: LongText
    saw: Annotated[list[ClaimId], Field(max_length=500)] = Field(default_factory=list)


class _Edit(_Mutation):
    kind: Literal["edit"]
    claims: Annotated[list[_Claim], Field(min_length=1, max_length=200)]


class _Line(Input):
    product: Product
    quantity: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    unit_price: Price


class _Order(_Mutation):
    kind: Literal["order"]
    order: OwnId
    lines: Annotated[list[_Line], Field(min_length=1, max_length=200)]
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]


_MUTATION: TypeAdapter[_Note | _Edit | _Order] = TypeAdapter(
    Annotated[_Note | _Edit | _Order, Field(discriminator="kind")]
)


def read(body: MutationBody) -> Sent:
    """A mutation as it was sent, read if it can be."""
    raw = body.model_dump(mode="python")
    text = rules.canonical(raw)
    try:
        # As JSON, so that what JSON can't say (a text as an instant) is told from what it can.
        one = _MUTATION.validate_json(text)
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
        return Sent(body.number, None, rules.Unreadable(found[:500]), text)
    return Sent(body.number, one.made, _content(one), text)


def _content(one: _Note | _Edit | _Order) -> rules.Content:
    customer = str(one.customer)
    match one:
        case _Note():
            return rules.Note(customer, one.note, one.text)
        case _Edit():
            return rules.Edit(customer, tuple(rules.Made(c.id, c.field, c.value, tuple(c.saw)) for c in one.claims))
        case _Order():
            lines = tuple(rules.Line(line.product, line.quantity, line.unit_price) for line in one.lines)
            return rules.Order(customer, one.order, lines, one.currency)


Scope = Annotated[str, Query(max_length=200, description="as `scopes` of an answer names it; without one, only these")]
After = Annotated[int, Query(ge=0, le=2**62, description="the position up to which the device has the scope")]
Epoch = Annotated[str, Query(max_length=60, description="of that position")]
Limit = Annotated[int, Query(ge=1, le=reads.MOST)]


def router(service: Service, region: str) -> APIRouter:
    """What devices ask for. ``region``: the country of phone numbers without a code."""
    routes = APIRouter(tags=["devices"])
    Once = Annotated[Command, Depends(commands(service))]
    ways = Ways(service.keks, region)

    @routes.post("/devices", status_code=201)
    def enrol(body: EnrolBody, command: Once) -> Response:
        """Enrol a device of the rep who asks. Role rep."""
        return command.run(lambda work: {"device": handlers.enrol(work, body.name)}, status=201)

    @routes.get("/devices/{device}/pull", response_model=None, responses=JSON)
    def pull(
        device: Id, actor: CurrentActor, scope: Scope = "", after: After = 0, epoch: Epoch = "", limit: Limit = 200
    ) -> Response:
        """What changed in a scope, and at the end a checkpoint to compare. Role rep, of his own device."""
        service.transact(actor, lambda work: handlers.said(work, str(device), scope, after))
        with Session(service.engine) as session:
            # One snapshot, so that the checkpoint is that of the rows.
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            found = reads.device_of(session, str(device), actor.id)
            reads.refuse_revoked(found)
            return encoded(reads.pull(session, found, scope, after, epoch, limit))

    @routes.post("/devices/{device}/push")
    def push(device: Id, body: PushBody, command: Once) -> Response:
        """Hand in what was written on a device: an answer for each number. Role rep, of his own device."""
        sent = [read(one) for one in body.mutations]

        def run(work: Work) -> Mapping[str, Any]:
            return {"answers": handlers.push(work, ways, str(device), body.sent, sent)}

        return command.run(run)

    return routes


def operators_router(service: Service, region: str) -> APIRouter:
    """What operators see of devices, and decide. ``region`` as for ``router``."""
    routes = APIRouter(tags=["devices"])
    Once = Annotated[Command, Depends(commands(service))]
    ways = Ways(service.keks, region)

    @routes.get("/devices", response_model=None, responses=JSON)
    def devices(actor: CurrentActor) -> Response:
        """All devices, with how far each is behind. Role operator."""
        actor.need(*OPERATORS)
        with Session(service.engine) as session:
            return encoded(reads.devices(session))

    @routes.post("/devices/{device}/revoke")
    def revoke(device: Id, body: RevokeBody, command: Once) -> Response:
        """Let a device pull no longer, and set aside what it still pushes. Role operator."""

        def run(work: Work) -> Mapping[str, str]:
            handlers.revoke(work, str(device), body.reason)
            return {"device": str(device)}

        return command.run(run)

    @routes.get("/quarantine", response_model=None, responses=JSON)
    def quarantine(actor: CurrentActor) -> Response:
        """What devices pushed and was set aside, the oldest first. Role operator."""
        actor.need(*OPERATORS)
        with Session(service.engine) as session:
            return encoded(reads.quarantine(session))

    @routes.post("/quarantine/{device}/{number}/accept")
    def accept(device: Id, number: Number, command: Once) -> Response:
        """Let it happen after all. Role operator."""
        return command.run(lambda work: handlers.accept(work, ways, str(device), number))

    @routes.post("/quarantine/{device}/{number}/discard")
    def discard(device: Id, number: Number, body: DiscardBody, command: Once) -> Response:
        """Don't let it happen, for a reason that is kept. Role operator."""
        return command.run(lambda work: handlers.discard(work, str(device), number, body.reason))

    return routes
