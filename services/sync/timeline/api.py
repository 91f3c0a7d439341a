"""The timeline over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.sync.timeline.handlers import Reader
from services.sync.timeline.rules import Place, Wanted, place_of
from shared.customer.member import Member
from shared.edge.errors import Invalid
from shared.edge.http import JSON, CurrentActor, encoded
from shared.edge.inputs import Id, Instant
from shared.edge.language import catalog, language_of
from shared.pipeline.service import Service
from shared.texts import N_

Before = Annotated[str, Query(max_length=120, description="a cursor, as `next` of an answer gives it")]
Group = Annotated[str, Query(pattern="^([a-z][a-z_]{0,39})?$", description="only types that begin so: `contact`")]
Source = Annotated[str, Query(pattern="^([a-z][a-z0-9_]{0,39})?$", description="only what this service published")]
Channel = Annotated[str, Query(pattern="^([a-z][a-z0-9_]{0,39})?$", description="only events that name this channel")]
Limit = Annotated[int, Query(ge=1, le=200)]


def router(service: Service, reader: Reader) -> APIRouter:
    """Routes of the timeline."""
    routes = APIRouter(tags=["timeline"])

    @routes.get("/customers/{member}/timeline", response_model=None, responses=JSON)
    def timeline(
        request: Request,
        actor: CurrentActor,
        member: Id,
        before: Before = "",
        group: Group = "",
        source: Source = "",
        channel: Channel = "",
        since: Annotated[Instant | None, Query(alias="from")] = None,
        until: Instant | None = None,
        limit: Limit = 50,
    ) -> Response:
        """Everything that happened, the newest first; erased texts are null and their entry says `erased`. What the
        reader may not see is left out, and its entry names it in `masked` (timeline.read)."""
        translate = catalog(language_of(request)).gettext
        with service.look(actor) as look:
            wanted = Wanted(group, source, channel, since, until)
            page = reader.page(look, Member(str(member)), translate, before=place(before), wanted=wanted, limit=limit)
        # Not the framework's serializer: it takes longer than the query.
        return encoded(page)

    return routes


def place(before: str) -> Place | None:
    """The place that a cursor names; none for no cursor. Raises ``Invalid``."""
    try:
        return place_of(before) if before else None
    except ValueError:
        raise Invalid(N_("the cursor isn't one that an answer gave")) from None
