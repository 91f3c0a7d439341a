"""Segments over HTTP."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Response
from pydantic import BeforeValidator, Field, StringConstraints

from services.marketing.segments import asking, handlers, moves, reads
from services.marketing.segments.asking import Given, Worded
from services.marketing.segments.conditions import MOST
from services.marketing.segments.rules import HIGH_VALUE, LONGEST_WINDOW, MEASURE, Definition
from shared.access.actions import Action
from shared.edge.http import JSON, CurrentActor, encoded
from shared.edge.inputs import Code, Input, Instant, ShortText
from shared.pipeline import heads
from shared.pipeline.commands import Command, commands
from shared.pipeline.doing import Doing
from shared.pipeline.look import Look
from shared.pipeline.service import Service
from shared.pipeline.work import Work

LATELY = 20
"""How many who entered or left are shown."""


class ConditionBody(Input):
    kind: Literal["customer_field", "contact_field", "case_field", "order_field"]
    department: Literal["", "callcenter", "marketing", "sfa", "sync"] = ""
    """Whose field it is; empty for fields of customers."""
    code: Code
    test: Literal["is", "is_not", "contains", "at_least", "at_most"]
    value: ShortText


def _from_form(given: Any) -> Any:
    """Conditions as a form sends them: row by row, also those in which nothing is asked."""
    if not isinstance(given, dict):
        return given
    return [row for row in given.values() if not isinstance(row, dict) or row.get("value")]


class RuleBody(Input):
    name: Annotated[ShortText, Field(min_length=1)] = "High value"
    window_days: Annotated[int, Field(ge=1, le=LONGEST_WINDOW)]
    at_least: Annotated[int, Field(ge=0, le=10**15)]
    """In minor units of the company's currency; 0 where conditions alone decide."""
    conditions: Annotated[tuple[ConditionBody, ...], BeforeValidator(_from_form), Field(max_length=MOST)] = ()
    """What is asked of departments' own fields; all of it has to be so."""


Way = Literal["", "entered", "left"]
Mark = Annotated[str, StringConstraints(max_length=100)]
"""Where a page begins: what the former one named as the next."""


class Shown(msgspec.Struct, frozen=True):
    """The segment, how large it is and was, and who entered and left lately."""

    segment: str
    name: str
    measure: str
    currency: str
    window_days: int
    at_least: int
    conditions: list[Worded]
    sizes: list[reads.Size]
    """The last is of now."""
    entered: list[reads.Move]
    left: list[reads.Move]
    heard: dict[str, datetime]
    """The last sign of life of each service that this is known from."""


def router(service: Service, default: Definition) -> APIRouter:
    """Endpoints of segments. ``default``: the rule until somebody gives another."""
    routes = APIRouter(tags=["segments"])
    Once = Annotated[Command, Depends(commands(service))]

    @routes.get("/segments/{segment}", response_model=None, responses=JSON)
    def read(segment: Code, actor: CurrentActor) -> Response:
        """The segment's rule, its size over time, who entered and left lately. Needs segment.read."""
        with service.look(actor) as look:
            return encoded(shown(look, default, segment))

    @routes.post("/segments/{segment}/define")
    def define(segment: Code, body: RuleBody, command: Once) -> Response:
        """Give the segment another rule; everybody's membership is worked out anew. Needs segment.define."""

        def run(work: Work) -> dict[str, object]:
            handlers.define(work, segment, trial(work, body, default), default)
            return {"segment": segment}

        return command.run(run)

    @routes.post("/segments/{segment}/preview", response_model=None, responses=JSON)
    def preview(segment: Code, body: RuleBody, actor: CurrentActor) -> Response:
        """Who would be in the segment by this rule, who would enter and who would leave. Changes nothing. Needs
        segment.read, and to see the fields that the rule asks."""
        with service.look(actor) as look:
            return encoded(reads.preview(look, segment, trial(look, body, default)))

    @routes.get("/segments/{segment}/moves", response_model=None, responses=JSON)
    def moved(segment: Code, actor: CurrentActor, way: Way = "", day: date | None = None, after: Mark = "") -> Response:
        """Who entered and left and because of which orders, the newest first, page by page; of one day (UTC) if it is
        named. Needs segment.read."""
        with service.look(actor) as look:
            rule = reads.definition(look.session, default)
            return encoded(moves.moves(look, segment, rule, way=way, day=day, after=after))

    @routes.get("/segments/{segment}/members", response_model=None, responses=JSON)
    def members(segment: Code, actor: CurrentActor, at: Instant | None = None, after: Mark = "") -> Response:
        """Who was in the segment at an instant, or is now. Needs segment.read."""
        with service.look(actor) as look:
            rule = reads.definition(look.session, default)
            return encoded(moves.members(look, segment, rule, at or look.now, after))

    return routes


def shown(look: Look, default: Definition, segment: str = HIGH_VALUE) -> Shown:
    """All that is shown of the segment. Raises ``Forbidden`` and ``NotFound``."""
    look.need(Action.SEGMENT_READ)
    handlers.known(segment)
    rule = reads.definition(look.session, default)
    signs = {source: sign.at for source, sign in sorted(heads.last_signs(look.session).items())}
    entered, left = reads.entered(look.session, LATELY), reads.left(look.session, LATELY)
    asks = asking.worded(look.session, rule.conditions)
    of_rule = (rule.name, MEASURE, rule.currency, rule.window_days, rule.at_least, asks)
    return Shown(HIGH_VALUE, *of_rule, reads.sizes(look.session, look.now), entered, left, signs)


def trial(doing: Doing, body: RuleBody, default: Definition) -> Definition:
    """The definition that a request describes; always in the company's currency. Raises ``Invalid``."""
    stands = reads.definition(doing.session, default).conditions
    given = [Given(one.kind, one.department, one.code, one.test, one.value) for one in body.conditions]
    asked = asking.conditions(doing.session, given, stands)
    return Definition(body.name, default.currency, body.window_days, body.at_least, asked)
