"""Outages over HTTP."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from services.callcenter.outages import handlers, reads
from shared.edge.http import CurrentActor
from shared.edge.inputs import Id, Input
from shared.pipeline.commands import Command, commands
from shared.pipeline.service import Service
from shared.pipeline.work import Work


class DismissBody(Input):
    reason: Literal["no_outage", "over"] = "no_outage"


class OutageShown(BaseModel):
    outage: str
    product: str
    place: str
    state: str
    """``proposed``, ``confirmed`` or ``dismissed``."""
    since: datetime
    proposed: datetime
    decided: datetime | None
    decided_by: str | None
    reason: str | None
    cases: int


def router(service: Service) -> APIRouter:
    """Endpoints of outages."""
    routes = APIRouter(tags=["outages"])
    Once = Annotated[Command, Depends(commands(service))]

    @routes.get("/outages")
    def some(actor: CurrentActor, open: bool = False) -> list[OutageShown]:
        """Outages, those to be decided first; with ``open``, without dismissed ones. Needs outage.read."""
        with service.look(actor) as look:
            rows = reads.some(look, is_open=open)
        return [OutageShown(outage=row.id, **{n: getattr(row, n) for n in NAMES}) for row in rows]

    @routes.post("/outages/{outage}/confirm")
    def confirm(outage: Id, command: Once) -> Response:
        """It is an outage. Needs outage.decide."""

        def run(work: Work) -> dict[str, str]:
            handlers.confirm(work, str(outage))
            return {"outage": str(outage)}

        return command.run(run)

    @routes.post("/outages/{outage}/dismiss")
    def dismiss(outage: Id, body: DismissBody, command: Once) -> Response:
        """It is none, or it is over. Needs outage.decide."""

        def run(work: Work) -> dict[str, str]:
            handlers.dismiss(work, str(outage), body.reason)
            return {"outage": str(outage)}

        return command.run(run)

    @routes.post("/outages/{outage}/undo")
    def undo(outage: Id, command: Once) -> Response:
        """Take back what was decided last, within an hour. Needs outage.decide."""
        return command.run(lambda work: {"outage": str(outage), "state": handlers.undo(work, str(outage))})

    return routes


NAMES = tuple(name for name in OutageShown.model_fields if name != "outage")
