"""How the time to a solution is measured, and what a department writes of a case as its own. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from shared.customer.definitions import Definition, moved
from shared.events.callcenter import CaseDescribed, CaseMoved, CaseResolved
from shared.texts import N_, Saying

IMMEDIATE_SECONDS = 180
DEFERRED_SECONDS = 86_400
"""What isn't solved at once is to be solved by then, at the latest."""


class NotPossible(Saying):
    """The case isn't in a state in which this can be done; the text is for people."""


class OutOfTime(Saying, ValueError):
    """The solution would lie before the request."""


def resolve(case: str, state: str, requested: datetime, solution: str, at: datetime, queue: str = "") -> CaseResolved:
    """The customer has the solution. Raises ``NotPossible``, ``OutOfTime``."""
    if state != "open":
        raise NotPossible(N_("this case is resolved already"))
    seconds = (at - requested).total_seconds()
    if seconds < 0:
        raise OutOfTime(N_("the instant lies before the request"))
    return CaseResolved(
        case=case,
        solution=solution,
        seconds_to_solution=seconds,
        immediate=seconds <= IMMEDIATE_SECONDS,
        queue=queue,
    )


def move(case: str, state: str, step: str, states: Iterable[Definition]) -> CaseMoved:
    """The department's own state beside the platform's, which no clock looks at; empty: none. Raises ``NotPossible``,
    ``NotTaken``."""
    if state != "open":
        raise NotPossible(N_("this case is resolved already"))
    return CaseMoved(case=case, step=moved(state, step, states), state=state)


def describe(case: str, held: Mapping[str, str], given: Mapping[str, str]) -> CaseDescribed:
    """What is written into the department's own fields, as far as they hold something else."""
    return CaseDescribed(
        case=case, custom={code: value for code, value in given.items() if value != held.get(code, "")}
    )
