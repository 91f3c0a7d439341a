"""Contacts over HTTP."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field, StringConstraints

from services.callcenter.contacts import handlers, reads
from services.callcenter.contacts.rules import Review
from shared.edge.http import CurrentActor
from shared.edge.inputs import Code, Custom, Id, Input, Instant, LongText, ShortText
from shared.pipeline.commands import Command, commands
from shared.pipeline.service import Service

AgentId = Annotated[ShortText, StringConstraints(min_length=1)]


class RingBody(Input):
    call: Annotated[ShortText, StringConstraints(min_length=1)]
    """The telephone system's id of the call; a repeat of it changes nothing."""
    number: ShortText = ""
    """Number or address in any writing; empty when it is withheld."""
    queue: Code
    channel: Literal["phone", "chat", "web", "email"] = "phone"
    agent: AgentId | None = None
    """The one it is offered to; without it, anybody of the queue."""
    customer: Id | None = None
    """The customer, where the other system knows it."""
    at: Instant | None = None


class StepBody(Input):
    agent: AgentId | None = None
    at: Instant | None = None


class WrapUpBody(StepBody):
    reason: Code
    outcome: Code
    satisfaction: Annotated[int, Field(ge=1, le=5)] | None = None
    note: LongText = ""
    custom: Custom = Field(default_factory=dict)
    """Values of the department's own fields of reviews, by code."""


class Contact(BaseModel):
    contact: str
    customer: str
    channel: str
    queue: str
    address: str | None
    state: str
    offered_to: str | None
    agent: str | None
    offered: datetime
    answered: datetime | None
    ended: datetime | None
    wrapped_up: datetime | None
    abandoned: datetime | None
    reason: str | None
    outcome: str | None
    satisfaction: int | None
    note: str | None
    custom: dict[str, str]
    masked: list[str]
    """What it has and is hidden from the actor."""


class ChoiceShown(BaseModel):
    code: str
    en: str
    es: str


def router(service: Service, region: str) -> APIRouter:
    """Endpoints of contacts. ``region``: the country of phone numbers without a country code."""
    routes = APIRouter(tags=["contacts"])
    Once = Annotated[Command, Depends(commands(service))]

    @routes.post("/telephony/ring", status_code=201)
    def ring(body: RingBody, command: Once) -> Response:
        """A contact is offered. Needs contact.report, which tells whose number it is, by id."""
        new = handlers.Ring(
            body.call,
            body.number,
            body.queue,
            body.channel,
            body.agent,
            str(body.customer) if body.customer else None,
            body.at,
        )
        return command.run(lambda work: plain(handlers.ring(work, [new], region)[0]), status=201)

    @routes.get("/contacts/{contact}")
    def read(contact: Id, actor: CurrentActor) -> Contact:
        """A contact. Needs contact.read."""
        with service.look(actor) as look:
            return shown(reads.one(look, str(contact)))

    @routes.get("/choices/{kind}")
    def choices(kind: Literal["reason", "outcome", "queue"], actor: CurrentActor) -> list[ChoiceShown]:
        """What can be chosen as reason, outcome or queue. Needs field.read."""
        with service.look(actor) as look:
            (found,) = reads.choices(look, kind)
        return [ChoiceShown(code=c.code, en=c.label("en"), es=c.label("es")) for c in found if not c.retired]

    _add_steps(routes, service)
    return routes


def _add_steps(routes: APIRouter, service: Service) -> None:
    Once = Annotated[Command, Depends(commands(service))]

    @routes.post("/contacts/{contact}/answer")
    def answer(contact: Id, body: StepBody, command: Once) -> Response:
        """An agent takes it. Needs contact.work; with contact.report also in another agent's name."""
        step = handlers.Step(str(contact), body.agent, body.at)
        return command.run(lambda work: plain(handlers.answer(work, [step])[0]))

    @routes.post("/contacts/{contact}/end")
    def end(contact: Id, body: StepBody, command: Once) -> Response:
        """The conversation is over. Needs contact.work."""
        step = handlers.Step(str(contact), body.agent, body.at)
        return command.run(lambda work: plain(handlers.end(work, [step])[0]))

    @routes.post("/contacts/{contact}/abandon")
    def abandon(contact: Id, body: StepBody, command: Once) -> Response:
        """The customer left unanswered. Needs contact.work."""
        step = handlers.Step(str(contact), body.agent, body.at)
        return command.run(lambda work: plain(handlers.abandon(work, [step])[0]))

    @routes.post("/contacts/{contact}/wrap-up")
    def wrap_up(contact: Id, body: WrapUpBody, command: Once) -> Response:
        """The review, which also ends the contact if need be. Needs contact.work."""
        review = Review(body.reason, body.outcome, body.satisfaction, body.note, body.custom)
        step = handlers.WrapUp(str(contact), body.agent, body.at, review=review)
        return command.run(lambda work: plain(handlers.wrap_up(work, [step])[0]))


def shown(contact: reads.Contact) -> Contact:
    """A contact as it is answered."""
    values = asdict(contact) | {"masked": list(contact.masked)}
    return Contact.model_construct(contact=values.pop("id"), customer=values.pop("member"), **values)


def plain(answer: object) -> Any:
    """An answer in the types that JSON has."""
    return msgspec.to_builtins(answer)
