"""Ending sessions over HTTP."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, StringConstraints

from shared.administration.roles.api import look_now
from shared.administration.sessions import handlers, reads
from shared.edge.http import CurrentActor
from shared.edge.inputs import Input, ShortText
from shared.pipeline.commands import Command, commands
from shared.pipeline.service import Service
from shared.pipeline.work import Work


class EndBody(Input):
    subject: Annotated[ShortText, StringConstraints(min_length=1)]
    """The person, as tokens name it (``sub``)."""


class Ended(BaseModel):
    subject: str | None
    session: str | None
    """The issuer's; none: all that the person had."""
    at: datetime


def router(service: Service) -> APIRouter:
    """Endpoints of sessions."""
    routes = APIRouter(tags=["administration"])
    Once = Annotated[Command, Depends(commands(service))]

    @routes.get("/sessions")
    def ended(actor: CurrentActor) -> list[Ended]:
        """Which sessions were ended lately (session.end)."""
        with service.look(actor) as look:
            return [Ended(subject=row.subject, session=row.session, at=row.at) for row in reads.ended(look)]

    @routes.post("/sessions/end")
    def end(body: EndBody, command: Once) -> Response:
        """End all sessions of a person in this service (session.end): its tokens of before are refused by all
        processes within two seconds. New ones are for the issuer to refuse."""

        def run(work: Work) -> dict[str, str]:
            handlers.end_all(work, body.subject)
            return {"subject": body.subject}

        answer = command.run(run)
        look_now(service)
        return answer

    return routes
