"""The device protocol over HTTP: docs/devices.md."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from services.sync.devices import enrolment, handlers, reads, rules, signatures
from services.sync.devices.enrolment import Signed
from services.sync.devices.handlers import Sent, Ways
from services.sync.products import handlers as products
from shared.access.actions import Action
from shared.edge import forms
from shared.edge.actor import Actor
from shared.edge.errors import Unauthenticated
from shared.edge.http import JSON, CurrentActor, encoded, way_in
from shared.edge.inputs import ClaimId, FieldName, Id, Input, Instant, LongText, ShortText
from shared.edge.language import translation_for
from shared.pipeline.commands import Command, commands
from shared.pipeline.service import Service
from shared.pipeline.work import Work
from shared.texts import N_, Translate

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


class Key(Input):
    """The public part of a key pair that the device has made, as a JWK; the private part never leaves it."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]


class EnrolBody(Input):
    name: Annotated[ShortText, StringConstraints(min_length=1)]
    """What the rep calls the device."""
    key: Key


class RenewBody(Input):
    key: Key
    number: Annotated[int, Field(ge=0, le=LARGEST - 1)] = 0
    """Up to here the device's numbers were answered."""


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


def read(body: MutationBody, translate: Translate = str) -> Sent:
    """A mutation as it was sent, read if it can be."""
    raw = body.model_dump(mode="python")
    text = rules.canonical(raw)
    try:
        # As JSON, so that what JSON can't say (a text as an instant) is told from what it can.
        one = _MUTATION.validate_json(text)
    except ValidationError as error:
        found = "; ".join(f"{one['where']}: {one['what']}" for one in forms.found(error.errors()[:5], translate))
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


def admission(service: Service) -> Callable[[Request], Awaitable[Actor]]:
    """How a device comes in: by its signature, as the rep whose it is, and with his roles of its enrolment."""

    def known(shown: signatures.Shown, id: str) -> Signed:
        with Session(service.engine) as session:
            found = reads.known(session, id)
        said = shown.of(id, found.key if found else None)
        return Signed(enrolment.actor_of(found), found.key, said)

    async def admit(request: Request) -> Actor:
        shown, id = await signatures.shown(request), request.path_params["device"]
        if not re.fullmatch(signatures.ID, id):
            raise Unauthenticated(N_("there is no such device"))
        request.state.signed = signed = await run_in_threadpool(known, shown, id)
        return signed.actor

    return admit


async def signed_request(request: Request) -> Signed:
    """What the device said that has come in."""
    signed: Signed = request.state.signed
    return signed


SignedRequest = Annotated[Signed, Depends(signed_request)]


def router(service: Service, region: str) -> APIRouter:
    """What devices ask for. ``region``: the country of phone numbers without a code."""
    routes = APIRouter(tags=["devices"])
    Once = Annotated[Command, Depends(commands(service))]
    ways = Ways(service.keks, region)
    by_signature = way_in(admission(service))

    @routes.post("/devices", status_code=201)
    def enrol(body: EnrolBody, command: Once) -> Response:
        """Enrol a device of the rep who asks."""
        return command.run(lambda work: enrolment.enrol(work, body.name, body.key.x), status=201)

    @routes.post("/devices/{device}/renew")
    def renew(device: Id, body: RenewBody, command: Once) -> Response:
        """Give a device of the rep who asks another key, and his roles of now."""
        return command.run(lambda work: enrolment.renew(work, str(device), body.key.x, body.number))

    @routes.get("/devices/{device}/pull", response_model=None, responses=JSON)
    @by_signature
    def pull(
        device: Id, signed: SignedRequest, scope: Scope = "", after: After = 0, epoch: Epoch = "", limit: Limit = 200
    ) -> Response:
        """What changed in a scope, and at the end a checkpoint to compare. Signed by the device."""
        turn = service.transact(signed.actor, lambda work: handlers.said(work, signed, scope, after))
        # One snapshot, so that the checkpoint is that of the rows.
        with service.look(signed.actor, snapshot=True) as look:
            look.need(Action.DEVICE_PULL)
            found = reads.known(look.session, str(device))
            reads.refuse_revoked(found)
            shown = look.grants.most(Action.DEVICE_PULL)
            pulled = reads.pull(look.session, found, shown, scope, after, epoch, limit)
            look.saw_customers(row.key for row in pulled.rows if row.body and scope != rules.scope_of_device(found.id))
        return encoded(msgspec.structs.replace(pulled, turn=turn))

    @routes.get("/devices/{device}/products", response_model=None, responses=JSON)
    @by_signature
    def offered(device: Id, signed: SignedRequest) -> Response:
        """What can be ordered, with prices, as far as sales force automation has told. Signed by the device."""
        turn = service.transact(signed.actor, lambda work: handlers.said(work, signed, "", 0))
        with service.look(signed.actor) as look:
            look.need(Action.DEVICE_PULL)
            reads.refuse_revoked(reads.known(look.session, str(device)))
            return encoded({"products": products.on_sale(look.session), "turn": turn})

    @routes.post("/devices/{device}/push")
    @by_signature
    def push(request: Request, device: Id, body: PushBody, signed: SignedRequest, command: Once) -> Response:
        """Hand in what was written on a device: an answer for each number. Signed by the device."""
        translate = translation_for(request)
        sent = [read(one, translate) for one in body.mutations]
        told = replace(ways, translate=translate)

        def run(work: Work) -> Mapping[str, Any]:
            answers, turn = handlers.push(work, told, signed, body.sent, sent)
            return {"answers": answers, "turn": turn}

        return command.run(run)

    return routes


def operators_router(service: Service, region: str) -> APIRouter:
    """What operators see of devices, and decide. ``region`` as for ``router``."""
    routes = APIRouter(tags=["devices"])
    Once = Annotated[Command, Depends(commands(service))]
    ways = Ways(service.keks, region)

    @routes.get("/devices", response_model=None, responses=JSON)
    def devices(actor: CurrentActor) -> Response:
        """All devices, with how far each is behind."""
        with service.look(actor) as look:
            look.need(Action.DEVICE_MANAGE)
            return encoded(reads.devices(look.session))

    @routes.post("/devices/{device}/revoke")
    def revoke(device: Id, body: RevokeBody, command: Once) -> Response:
        """Let a device pull no longer, and set aside what it still pushes."""

        def run(work: Work) -> Mapping[str, str]:
            enrolment.revoke(work, str(device), body.reason)
            return {"device": str(device)}

        return command.run(run)

    @routes.post("/devices/{device}/readmit")
    def readmit(device: Id, command: Once) -> Response:
        """Let the rep renew a device that was revoked. Until he does it stays so."""

        def run(work: Work) -> Mapping[str, str]:
            enrolment.readmit(work, str(device))
            return {"device": str(device)}

        return command.run(run)

    @routes.get("/quarantine", response_model=None, responses=JSON)
    def quarantine(actor: CurrentActor) -> Response:
        """What devices pushed and was set aside, the oldest first."""
        with service.look(actor) as look:
            look.need(Action.DEVICE_MANAGE)
            aside = reads.quarantine(look.session, look.grants.most(Action.DEVICE_MANAGE))
            look.saw_customers(one.customer for one in aside if one.customer)
            return encoded(aside)

    @routes.post("/quarantine/{device}/{number}/accept")
    def accept(request: Request, device: Id, number: Number, command: Once) -> Response:
        """Let it happen after all."""
        told = replace(ways, translate=translation_for(request))
        return command.run(lambda work: handlers.accept(work, told, str(device), number))

    @routes.post("/quarantine/{device}/{number}/discard")
    def discard(device: Id, number: Number, body: DiscardBody, command: Once) -> Response:
        """Don't let it happen, for a reason that is kept."""
        return command.run(lambda work: handlers.discard(work, str(device), number, body.reason))

    return routes
