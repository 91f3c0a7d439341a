"""Customers over HTTP."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import Field, StringConstraints

from services.callcenter.customers import handlers, reads, rules
from shared.access.actions import Action
from shared.customer.fields import InvalidField, Kind, PolicyName
from shared.customer.phones import NotAPhone
from shared.edge.errors import Invalid
from shared.edge.http import CurrentActor
from shared.edge.inputs import ClaimId, FieldName, Id, Input, ShortText, Value
from shared.pipeline.commands import Command, commands
from shared.pipeline.definitions import custom_fields
from shared.pipeline.service import Service


class RegisterBody(Input):
    changes: Annotated[dict[FieldName, Value], Field(max_length=200)] = Field(default_factory=dict)
    """Field -> value; of a set all its elements."""


class EditBody(Input):
    changes: Annotated[dict[FieldName, Value], Field(min_length=1, max_length=200)]
    saw: dict[FieldName, Annotated[list[ClaimId], Field(max_length=500)]] = Field(default_factory=dict)
    """Field -> the claims that the author saw; without it, those that stand now."""


class SearchBody(Input):
    phone: ShortText = ""
    email: ShortText = ""
    name: ShortText = ""


class FieldBody(Input):
    name: Annotated[str, StringConstraints(pattern=r"^custom\.[a-z][a-z0-9_]{0,59}$")]
    label: ShortText = ""
    kind: Kind = "text"
    policy: PolicyName = "latest"
    choices: Annotated[tuple[ShortText, ...], Field(max_length=200)] = ()
    """The values of a choice."""


class Found(Input):
    customer: str
    name: str
    phone: str
    email: str
    status: str
    masked: list[str]
    """Fields that this customer has and that are hidden from the actor."""


class Customer(Input):
    customer: str
    registered: datetime | None
    erased: datetime | None
    changed: datetime
    values: dict[str, str | tuple[str, ...]]
    heads: dict[str, list[str]]
    """Field -> the claims that an edit made from this answer has seen."""
    open: list[str]
    """Fields in which a person has to choose between claims."""
    masked: list[str]
    """Fields that it has and that are hidden from the actor."""


def router(service: Service, region: str) -> APIRouter:
    """Endpoints of customers. ``region``: the country of phone numbers without a country code."""
    routes = APIRouter(tags=["customers"])
    Once = Annotated[Command, Depends(commands(service))]

    @routes.post("/customers", status_code=201)
    def register(body: RegisterBody, command: Once) -> Response:
        """Register a customer. Needs customer.register."""
        new = handlers.Register(body.changes)
        return command.run(lambda work: {"customer": handlers.register(work, [new], region)[0]}, status=201)

    @routes.post("/customers/search")
    def search(body: SearchBody, actor: CurrentActor) -> list[Found]:
        """Find customers by number in any writing, beginnings of e-mail addresses and of names. Needs customer.read,
        and finds only those whose fields that are searched by may be seen."""
        with service.look(actor) as look:
            try:
                found = reads.search(look, phone=body.phone, email=body.email, name=body.name, region=region)
            except NotAPhone as error:
                raise Invalid(error) from None
        return [_found(card) for card in found]

    @routes.get("/customers/{customer}")
    def read(customer: Id, actor: CurrentActor) -> Customer:
        """A customer's record. Needs customer.read."""
        with service.look(actor) as look:
            return _customer(reads.card(look, str(customer)))

    @routes.post("/customers/{customer}/edit")
    def edit(customer: Id, body: EditBody, command: Once) -> Response:
        """Change fields. Needs customer.edit of each."""
        change = handlers.Edit(str(customer), body.changes, body.saw)
        return command.run(
            lambda work: {
                "customer": change.member,
                "changed": handlers.edit(work, [change], region)[0],
            }
        )

    _add_custom_fields(routes, service)
    return routes


def _add_custom_fields(routes: APIRouter, service: Service) -> None:
    Once = Annotated[Command, Depends(commands(service))]

    @routes.get("/custom-fields")
    def fields(actor: CurrentActor) -> list[FieldBody]:
        """The custom fields of customers. Needs field.read."""
        with service.look(actor) as look:
            look.need(Action.FIELD_READ)
            found = custom_fields(look.session).values()
        return [FieldBody(name=f.name, label=f.label, kind=f.kind, policy=f.policy, choices=f.choices) for f in found]

    @routes.post("/custom-fields")
    def define(body: FieldBody, command: Once) -> Response:
        """Define a custom field, or change its label or choices. Needs field.define."""
        try:
            new = rules.custom_field(body.name, body.label, body.kind, body.policy, body.choices)
        except InvalidField as error:
            raise Invalid(error) from None
        return command.run(lambda work: {"defined": handlers.define_fields(work, [new])})


def _found(card: reads.Card) -> Found:
    values = card.values
    return Found(
        customer=card.member,
        name=card.name,
        phone=str(values.get("phone", "")),
        email=str(values.get("email", "")),
        status=str(values.get("status", "")),
        masked=list(card.masked),
    )


def _customer(card: reads.Card) -> Customer:
    return Customer(
        customer=card.member,
        registered=card.registered,
        erased=card.erased,
        changed=card.changed,
        values=card.values,
        heads={n: [h for heads in s.heads.values() for h in heads] for n, s in card.states.items()},
        open=[name for name, state in card.states.items() if state.open],
        masked=list(card.masked),
    )
