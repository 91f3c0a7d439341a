"""Who is the same customer, over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from services.sync.identity import handlers, reads
from shared.edge.errors import Invalid
from shared.edge.http import JSON, CurrentActor, encoded
from shared.edge.inputs import Id, Input
from shared.events.envelope import UUID_TEXT
from shared.pipeline.commands import Command, commands
from shared.pipeline.service import Service
from shared.pipeline.work import Work
from shared.texts import N_

Why = Literal["names", "crowded"]
Reason = Literal["", "mistake", "shared", "different", "household", "told"]
After = Annotated[str, Query(max_length=120, description="where to go on, as `next` of an answer gives it")]
Limit = Annotated[int, Query(ge=1, le=200)]


class OtherBody(Input):
    other: Id
    """The other member."""
    reason: Reason = ""
    """Why: a typing `mistake`, a number or address that is `shared`, `different` people, one `household`, or somebody
    was `told` so by the customer."""


def router(service: Service) -> APIRouter:
    """Routes of identity."""
    routes = APIRouter(tags=["identity"])
    Once = Annotated[Command, Depends(commands(service))]

    @routes.post("/customers/{member}/join")
    def join(member: Id, body: OtherBody, command: Once) -> Response:
        """Say that two members are the same customer, whatever their names. Parting takes it back.

        Needs identity.decide for both. `news` is false when that was decided already."""
        return command.run(lambda work: _decide(work, str(member), body, joined=True))

    @routes.post("/customers/{member}/part")
    def part(member: Id, body: OtherBody, command: Once) -> Response:
        """Say that two members are different customers, whatever they have in common. Joining takes it back.

        Needs identity.decide for both. `news` is false when that was decided already."""
        return command.run(lambda work: _decide(work, str(member), body, joined=False))

    @routes.get("/customers/{member}/same", response_model=None, responses=JSON)
    def same(member: Id, actor: CurrentActor) -> Response:
        """The other members of the same customer, what people decided, and what they may look at: of all that only
        who is within reach (customer.read)."""
        with service.look(actor) as look:
            found = reads.identity(look, str(member))
        return encoded(found)

    @routes.get("/suggestions", response_model=None, responses=JSON)
    def suggestions(actor: CurrentActor, why: Why = "names", after: After = "", limit: Limit = 50) -> Response:
        """Members with a number or address in common that aren't the same customer without a person.

        `why`: their names differ (`names`), or too many have it (`crowded`). Only of members within reach of whom
        that may be seen (customer.read)."""
        with service.look(actor) as look:
            found, last = reads.suggestions(look, why, place(after), limit)
        return encoded({"suggestions": found, "next": ".".join(last) if last else None})

    return routes


def place(after: str) -> tuple[str, str, str] | None:
    """The place that a cursor names; none for no cursor. Raises ``Invalid``."""
    if not after:
        return None
    match after.split("."):
        case [a, b, because] if UUID_TEXT.fullmatch(a) and UUID_TEXT.fullmatch(b) and because.isalpha():
            return a, b, because
    raise Invalid(N_("the cursor isn't one that an answer gave"))


def _decide(work: Work, member: str, body: OtherBody, *, joined: bool) -> dict[str, object]:
    other = str(body.other)
    news = handlers.decide(work, member, other, joined=joined, reason=body.reason)
    return {"customer": member, "other": other, "news": news}
