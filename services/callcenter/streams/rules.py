"""Counts over live windows, and bursts of cases. Pure: instants come from outside, nothing here reads a clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)
WINDOWS = (15, 60)
"""Minutes of each window."""
LONGEST = timedelta(minutes=max(WINDOWS))

BURST_WITHIN = timedelta(minutes=15)
BURST_CASES = 5
BURST_CUSTOMERS = 3
"""So many cases of one product in one place, of so many customers, within so long are a burst."""


@dataclass(frozen=True)
class Counts:
    """What happened in a stretch of time. Sums, so that stretches can be added."""

    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    satisfactions: int = 0
    satisfaction: int = 0
    """Sum of the 1 to 5 that customers gave."""
    solved: int = 0
    immediate: int = 0
    """Solved within three minutes of the request."""
    seconds: float = 0.0
    """Sum of the times to the solutions."""

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


NOTHING = Counts()
Buckets = dict[datetime, Counts]
"""Minute -> what happened in it."""


@dataclass(frozen=True)
class Window:
    """What the last so many minutes were like."""

    minutes: int
    offered: int
    answered: int
    abandoned: int
    satisfaction: float | None
    """The mean; none when nobody said."""
    satisfactions: int
    solved: int
    immediate: float | None
    """Which share was solved within three minutes of the request."""
    seconds_to_solution: float | None
    """The mean."""


@dataclass(frozen=True)
class Case:
    """A case of some product in some place."""

    opened: datetime
    case: str
    customer: str


@dataclass
class State:
    """All that is kept, in memory only: it is counted anew from the log at the start."""

    buckets: Buckets = field(default_factory=dict)
    cases: dict[tuple[str, str], dict[str, Case]] = field(default_factory=dict)
    """(product, place) -> cases by id."""
    heard: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    """Stream -> the sequence heard last, and when that was."""


def is_repeat(state: State, stream: str, sequence: int, now: datetime) -> bool:
    """Whether this event of the stream was here before; if not, notes that it was."""
    if sequence <= state.heard.get(stream, (0, now))[0]:
        return True
    state.heard[stream] = (sequence, now)
    return False


def count(state: State, at: datetime, counts: Counts, now: datetime) -> None:
    """Something happened at ``at``. What lies before the longest window or after now counts nothing."""
    if now - LONGEST < at <= now + MINUTE:
        minute = at.replace(second=0, microsecond=0)
        state.buckets[minute] = state.buckets.get(minute, NOTHING) + counts


def window(buckets: Mapping[datetime, Counts], minutes: int, now: datetime) -> Window:
    """The last so many minutes, the present one included, which isn't full yet."""
    first = now.replace(second=0, microsecond=0) - timedelta(minutes=minutes - 1)
    total = sum((counts for minute, counts in buckets.items() if minute >= first), NOTHING)
    return Window(
        minutes=minutes,
        offered=total.offered,
        answered=total.answered,
        abandoned=total.abandoned,
        satisfaction=_share(total.satisfaction, total.satisfactions),
        satisfactions=total.satisfactions,
        solved=total.solved,
        immediate=_share(total.immediate, total.solved),
        seconds_to_solution=_share(total.seconds, total.solved),
    )


def _share(part: float, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


def open_case(state: State, product: str, place: str, case: Case, now: datetime) -> tuple[Case, ...]:
    """A case was opened; gives the burst that it makes or belongs to, the first case first, or nothing."""
    if not now - LONGEST < case.opened <= now + MINUTE:
        return ()
    known = state.cases.setdefault((product, place), {})
    known[case.case] = case
    return burst(known.values(), case)


def burst(cases: Iterable[Case], new: Case) -> tuple[Case, ...]:
    """The first stretch with ``new`` in it that has enough cases of enough customers, or nothing."""
    near = sorted((c for c in cases if abs(c.opened - new.opened) <= BURST_WITHIN), key=lambda c: (c.opened, c.case))
    for first in near:
        stretch = tuple(c for c in near if first.opened <= c.opened <= first.opened + BURST_WITHIN)
        if new not in stretch:
            continue
        if len(stretch) >= BURST_CASES and len({c.customer for c in stretch}) >= BURST_CUSTOMERS:
            return stretch
    return ()


def prune(state: State, now: datetime) -> None:
    """Forget what no window reaches any more."""
    oldest = now - LONGEST - MINUTE
    for minute in [minute for minute in state.buckets if minute < oldest]:
        del state.buckets[minute]
    for stream in [stream for stream, (_, at) in state.heard.items() if at < oldest]:
        del state.heard[stream]
    for place, cases in list(state.cases.items()):
        for gone in list(_before(cases, oldest)):
            del cases[gone]
        if not cases:
            del state.cases[place]


def _before(cases: Mapping[str, Case], oldest: datetime) -> Iterator[str]:
    return (id for id, case in cases.items() if case.opened < oldest)
