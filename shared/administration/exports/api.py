"""Exports over HTTP."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from shared.administration.exports import handlers, reads, rules
from shared.edge.actor import Actor
from shared.edge.errors import Refused
from shared.edge.http import Again, CurrentActor
from shared.pipeline.service import Service


class BrokenOff(Exception):
    """The rest of an export isn't for its author: the connection ends, so that nobody takes the part for the whole."""


class Export(BaseModel):
    export: str
    at: datetime
    actor: str
    format: str
    rows: int
    ended: datetime | None
    complete: bool


def router(service: Service) -> APIRouter:
    """Endpoints of exports."""
    routes = APIRouter(tags=["administration"])

    @routes.get("/customers/export", response_class=StreamingResponse)
    def take(actor: CurrentActor, again: Again, format: Literal["csv", "ndjson"] = "csv") -> StreamingResponse:
        """All customers within reach, with the fields that are granted for it (customer.export). ``masked`` names what
        a customer has and the file hasn't. Whether all of it may still be had is asked again every 500 customers; if
        not, the answer is broken off."""
        begun = service.transact(actor, lambda work: handlers.start(work, format))
        form: rules.Csv | rules.Ndjson = rules.Csv(begun.fields) if format == "csv" else rules.Ndjson()
        named = {"content-disposition": f'attachment; filename="customers.{format}"', "crm-export": begun.id}
        return StreamingResponse(
            _lines(service, actor, again, begun.id, form), media_type=rules.FORMATS[format], headers=named
        )

    @routes.get("/exports")
    def listed(actor: CurrentActor) -> list[Export]:
        """The newest exports: all (audit.read) or one's own (customer.export)."""
        with service.look(actor) as look:
            return [_shown(row) for row in reads.listed(look)]

    return routes


def _lines(
    service: Service, actor: Actor, again: Callable[[], Actor], id: str, form: rules.Csv | rules.Ndjson
) -> Iterator[bytes]:
    try:
        yield form.head()
        after: str | None = handlers.FIRST
        while after is not None:
            part = service.transact(again(), lambda work, at=after: handlers.part(work, id, at))  # type: ignore[misc]
            if part.lines:
                yield b"".join(map(form.line, part.lines))
            after = part.last
        service.transact(again(), lambda work: handlers.complete(work, id))
    except Refused as error:
        why = error.text
        service.transact(service.itself, lambda work: handlers.break_off(work, id, actor, why))
        raise BrokenOff(str(why)) from None


def _shown(row: object) -> Export:
    values = {name: getattr(row, name) for name in Export.model_fields if name != "export"}
    return Export(export=row.id, **values)  # type: ignore[attr-defined]
