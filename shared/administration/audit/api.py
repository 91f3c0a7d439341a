"""The audit log over HTTP."""

from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from shared.administration.audit import reads
from shared.administration.audit.reads import Search
from shared.edge.http import JSON, CurrentActor, encoded
from shared.edge.inputs import Instant, ShortText
from shared.edge.language import translation_for
from shared.pipeline.service import Service

Before = Annotated[int, Query(ge=1, le=2**62)]


def searched(
    actor: ShortText = "",
    subject: ShortText = "",
    action: ShortText = "",
    outcome: Literal["", "changed", "looked", "refused"] = "",
    since: Annotated[Instant | None, Query(alias="from")] = None,
    until: Instant | None = None,
) -> Search:
    """What a request looks for."""
    return Search(actor.strip(), subject.strip(), action.strip(), outcome, since, until)


def router(service: Service) -> APIRouter:
    """Endpoints of the audit log."""
    routes = APIRouter(tags=["administration"])

    @routes.get("/audit", responses=JSON)
    def find(
        request: Request,
        reader: CurrentActor,
        search: Annotated[Search, Depends(searched)],
        before: Before | None = None,
    ) -> Response:
        """Who did what, the newest first (audit.read). ``next`` as ``before`` gives older entries. What customers'
        fields were is shown as far as the reader may read them, and gone of erased people."""
        with service.look(reader) as look:
            found = reads.find(look, search, before)
        translate = translation_for(request)
        entries = [msgspec.to_builtins(one) | {"reason": one.reason.told(translate)} for one in found.entries]
        return encoded({"entries": entries, "next": found.next})

    return routes
