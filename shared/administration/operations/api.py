"""Operations over HTTP: parked streams, and what the block gained."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from shared.administration.operations import handlers, reads
from shared.administration.operations.counting import Counting
from shared.administration.operations.gains import Gain
from shared.edge.http import CurrentActor
from shared.edge.inputs import Input, ShortText
from shared.edge.settings import Settings
from shared.pipeline.commands import Command, commands
from shared.pipeline.receive import Subscription
from shared.pipeline.service import Service
from shared.pipeline.subscriptions import Subscriptions
from shared.pipeline.work import Work
from shared.pipeline.worker import moving


class PlaceBody(Input):
    subscription: ShortText
    source: ShortText
    """The service whose events wait."""
    stream: ShortText


class SkipBody(PlaceBody):
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    """Why it may be left out; is kept with what is left out."""


class ParkedStream(BaseModel):
    subscription: str
    source: str
    stream: str
    kind: str
    """poison (a handler can't take it), gap (one is missing), fork (another one was here), malformed."""
    reason: str
    since: datetime
    events: int


class OtherBlock(BaseModel):
    source: str
    since: datetime | None
    """When it joined; none where that isn't known."""
    events: int
    heard: datetime
    left: datetime | None


class GainMade(BaseModel):
    source: str
    text: str
    one: str
    """What is counted, in the singular."""
    counted: str
    """In the plural."""
    have: int
    could: int


class Gained(BaseModel):
    service: str
    others: list[OtherBlock]
    gains: list[GainMade]


def router(service: Service, settings: Settings, subscriptions: Subscriptions, gains: Sequence[Gain]) -> APIRouter:
    """Endpoints of operations."""
    routes = APIRouter(tags=["operations"])
    counting = Counting(gains)
    Once = Annotated[Command, Depends(commands(service))]

    def registered(work: Work) -> Sequence[Subscription]:
        return moving(work.session, subscriptions, service, settings.parked_share)

    @routes.get("/operations/parked")
    def parked(actor: CurrentActor) -> list[ParkedStream]:
        """Streams that wait for a person (operations.read)."""
        with service.look(actor) as look:
            return [ParkedStream(**vars(each)) for each in reads.parked(look)]

    @routes.post("/operations/redrive")
    def redrive(body: PlaceBody, command: Once) -> Response:
        """Hand what waits in a parked stream in again, after the cause was mended (operations.act)."""
        place = (body.subscription, body.source, body.stream)
        return command.run(lambda work: handlers.redrive(work, registered, *place))

    @routes.post("/operations/skip")
    def skip(body: SkipBody, command: Once) -> Response:
        """Leave out what a parked stream stands at, and go on behind it (operations.act)."""
        place = (body.subscription, body.source, body.stream)
        return command.run(lambda work: handlers.skip(work, registered, *place, body.reason))

    @routes.get("/operations/gained")
    def gained(actor: CurrentActor) -> Gained:
        """The other blocks as this one knows them, and what it gains from each (operations.read)."""
        with service.look(actor) as look:
            others, counted = reads.others(look), counting.of(look)
        return Gained(
            service=service.name,
            others=[OtherBlock(**vars(each)) for each in others],
            gains=[GainMade(**vars(each)) for each in counted],
        )

    return routes
