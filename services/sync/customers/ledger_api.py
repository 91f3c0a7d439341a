"""Values that gave way, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from services.sync.customers import ledger
from services.sync.customers.ledger import Wanted
from shared.edge.errors import Invalid
from shared.edge.http import JSON, CurrentActor, encoded
from shared.events.envelope import UUID_TEXT
from shared.pipeline.service import Service
from shared.texts import N_

SIZE = 25
SETTLED = {"": None, "open": False, "settled": True}
Field = Annotated[str, Query(pattern=r"^([a-z][a-z0-9_.]{0,79})?$")]
Source = Annotated[str, Query(pattern=r"^([a-z][a-z0-9_]{0,39})?$")]
Reason = Literal["", "later", "add_wins", "stricter", "earlier_stands", "not_owner", "malformed"]
State = Literal["", "open", "settled"]
After = Annotated[str, Query(max_length=200, description="where to go on, as `next` of an answer gives it")]
Limit = Annotated[int, Query(ge=1, le=200)]


def router(service: Service) -> APIRouter:
    """The endpoint."""
    routes = APIRouter(tags=["customers"])

    @routes.get("/ledger", response_model=None, responses=JSON)
    def everywhere(
        actor: CurrentActor,
        field: Field = "",
        source: Source = "",
        reason: Reason = "",
        state: State = "",
        after: After = "",
        limit: Limit = SIZE,
    ) -> Response:
        """Values that lost a conflict, of all customers within reach, the newest first; of fields that the reader sees
        (customer.read). `state`: whether a later edit was made by somebody who saw both (`settled`) or not (`open`)."""
        wanted = Wanted(field, source, reason, SETTLED[state])
        with service.look(actor) as look:
            found, last = ledger.everywhere(look, wanted, place(after), limit)
        return encoded({"lost": found, "next": cursor(last)})

    return routes


def cursor(last: ledger.After | None) -> str | None:
    """A place as text for a URL."""
    return "|".join((last[0].astimezone(UTC).isoformat().replace("+00:00", "Z"), *last[1:])) if last else None


def place(after: str) -> ledger.After | None:
    """The place that a cursor names; none for no cursor. Raises ``Invalid``."""
    if not after:
        return None
    try:
        at, claim, member, field = after.split("|")
        occurred = datetime.fromisoformat(at)
    except ValueError:
        raise Invalid(N_("the cursor isn't one that an answer gave")) from None
    if occurred.tzinfo is None or not UUID_TEXT.fullmatch(member) or not claim.isprintable() or not field.isprintable():
        raise Invalid(N_("the cursor isn't one that an answer gave"))
    return occurred, claim, member, field
