"""Customers over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from services.sync.customers import handlers, reads
from shared.customer.member import Member
from shared.edge.http import JSON, CurrentActor, encoded
from shared.edge.inputs import ClaimId, FieldName, Id, Input, ShortText, Value
from shared.pipeline.commands import Command, commands
from shared.pipeline.service import Service
from shared.pipeline.work import Work


class SearchBody(Input):
    name: ShortText = ""
    phone: ShortText = ""
    email: ShortText = ""
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class EditBody(Input):
    changes: Annotated[dict[FieldName, Value], Field(min_length=1, max_length=200)]
    """Field -> value; of a set all its elements, or `+element` or `-element`."""
    saw: Annotated[dict[FieldName, Annotated[list[ClaimId], Field(max_length=500)]], Field(max_length=200)] = Field(
        default_factory=dict
    )
    """Field -> the claims that the author saw; without it, those that stand now."""


class SettleBody(Input):
    field: FieldName
    claim: ClaimId
    saw: Annotated[list[ClaimId], Field(max_length=500)] = Field(default_factory=list)
    """The heads that the author saw; without them, those of now."""


def router(service: Service, region: str) -> APIRouter:
    """Endpoints of customers. ``region``: the country of phone numbers without a country code."""
    routes = APIRouter(tags=["customers"])
    Once = Annotated[Command, Depends(commands(service))]

    @routes.post("/customers/search", response_model=None, responses=JSON)
    def search(body: SearchBody, actor: CurrentActor) -> Response:
        """Find customers by beginnings of names, the last digits of a number, the beginning of an address.

        Nothing given: the newest. A POST, as what is asked about people must not stand in a URL. Only those within
        reach of whom the fields that are searched by may be seen (customer.read)."""
        with service.look(actor) as look:
            found = reads.search(look, **body.model_dump())
        return encoded(found)

    @routes.get("/customers/{member}/ledger", response_model=None, responses=JSON)
    def ledger(member: Id, actor: CurrentActor) -> Response:
        """Every value that lost a conflict, why, and whether the matter is settled; the newest first. Needs
        customer.read."""
        with service.look(actor) as look:
            entries = reads.ledger(look, Member(str(member)))
        return encoded(entries)

    @routes.post("/customers/{member}/edit")
    def edit(member: Id, body: EditBody, command: Once) -> Response:
        """Change fields (customer.edit, for each of them)."""

        def run(work: Work) -> dict[str, object]:
            made = handlers.edit(work, Member(str(member)), body.changes, body.saw, region)
            return {"customer": str(member), "claims": made}

        return command.run(run)

    @routes.post("/customers/{member}/settle")
    def settle(member: Id, body: SettleBody, command: Once) -> Response:
        """Let the value of a claim stand: of a conflict that is open, or of one that lost. Needs customer.edit."""

        def run(work: Work) -> dict[str, object]:
            made = handlers.settle(work, Member(str(member)), body.field, body.claim, body.saw)
            return {"customer": str(member), "claims": made}

        return command.run(run)

    @routes.get("/customers/{member}", response_model=None, responses=JSON)
    def read(member: Id, actor: CurrentActor) -> Response:
        """A customer's record: fields, the claims that an edit has seen, open conflicts (customer.read)."""
        with service.look(actor) as look:
            card = reads.card(look, Member(str(member)))
        return encoded(card)

    return routes
