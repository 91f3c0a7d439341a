"""How the time to a solution is measured. Pure."""

from __future__ import annotations

from datetime import datetime

from shared.events.callcenter import CaseResolved

IMMEDIATE_SECONDS = 180


class NotPossible(Exception):
    """The case isn't in a state in which this can be done; the text is for people."""


class OutOfTime(ValueError):
    """The solution would lie before the request."""


def resolve(case: str, state: str, requested: datetime, solution: str, at: datetime) -> CaseResolved:
    """The customer has the solution. Raises ``NotPossible``, ``OutOfTime``."""
    if state != "open":
        raise NotPossible("this case is resolved already")
    seconds = (at - requested).total_seconds()
    if seconds < 0:
        raise OutOfTime("the instant lies before the request")
    return CaseResolved(
        case=case,
        solution=solution,
        seconds_to_solution=seconds,
        immediate=seconds <= IMMEDIATE_SECONDS,
    )
