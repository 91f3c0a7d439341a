"""Customers over HTTP."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from services.sfa.customers import handlers, reads
from shared.edge.http import CurrentActor
from shared.edge.inputs import ClaimId, FieldName, Id, Input, ShortText, Value
from shared.pipeline.commands import Command, commands
from shared.pipeline.service import Service


class RegisterBody(Input):
    changes: Annotated[dict[FieldName, Value], Field(max_length=200)] = Field(default_factory=dict)
    """Field -> value; of a set all its elements."""


class EditBody(Input):
    changes: Annotated[dict[FieldName, Value], Field(min_length=1, max_length=200)]
    saw: dict[FieldName, Annotated[list[ClaimId], Field(max_length=500)]] = Field(default_factory=dict)
    """Field -> the claims that the author saw; without it, those that stand now."""


class FindBody(Input):
    words: ShortText
    """A number in any writing, the beginning of an e-mail address, or beginnings of a name's words."""


class Found(BaseModel):
    customer: str
    name: str
    phone: str
    email: str
    masked: list[str]
    """Fields that aren't shown to this reader."""


class Customer(BaseModel):
    customer: str
    registered: datetime | None
    erased: datetime | None
    values: dict[str, str | tuple[str, ...]]
    masked: list[str]
    """Fields of which something is known that isn't shown to this reader."""
    heads: dict[str, list[str]]
    """Field -> the claims that an edit made from this answer has seen."""
    members: list[str]
    """All within reach that are this same customer."""
    territory: str
    """Empty: in none."""
    orders: list[str]
    """The newest, of all these members."""


def router(service: Service, region: str) -> APIRouter:
    """Endpoints of customers. ``region``: the country of phone numbers without a country code."""
    routes = APIRouter(tags=["customers"])
    Once = Annotated[Command, Depends(commands(service))]

    @routes.post("/customers", status_code=201)
    def register(body: RegisterBody, command: Once) -> Response:
        """Register a customer (customer.register)."""
        return command.run(lambda work: {"customer": handlers.register(work, body.changes, region)}, status=201)

    @routes.post("/customers/search")
    def search(body: FindBody, actor: CurrentActor) -> list[Found]:
        """Find customers within reach (customer.read)."""
        with service.look(actor) as look:
            return [_found(card) for card in reads.find(look, body.words, region)]

    @routes.get("/customers/{customer}")
    def read(customer: Id, actor: CurrentActor) -> Customer:
        """A customer's record with its territory and orders (customer.read, order.read)."""
        with service.look(actor) as look:
            found = reads.whole(look, str(customer))
        return Customer(
            customer=found.card.member,
            registered=found.card.registered,
            erased=found.card.erased,
            values=found.card.values,
            masked=found.card.masked,
            heads=found.card.heads,
            members=found.members,
            territory=found.territory,
            orders=[row.id for row in found.orders],
        )

    @routes.post("/customers/{customer}/edit")
    def edit(customer: Id, body: EditBody, command: Once) -> Response:
        """Change fields (customer.edit, for each of them)."""
        member = str(customer)
        return command.run(
            lambda work: {
                "customer": member,
                "changed": handlers.edit(work, member, body.changes, body.saw, region),
            }
        )

    return routes


def _found(card: reads.Card) -> Found:
    values = card.values
    return Found(
        customer=card.member,
        name=card.name,
        phone=str(values.get("phone", "")),
        email=str(values.get("email", "")),
        masked=card.masked,
    )
