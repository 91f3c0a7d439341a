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
    opened: int = 0
    """Cases."""

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
class Queue:
    """What one queue was like in the longest window, and who waits in it now."""

    queue: str
    waiting: int
    longest: datetime | None
    """Since when the one waits who waits longest."""
    offered: int
    answered: int
    abandoned: int
    satisfaction: float | None
    """The mean; none when nobody said."""
    satisfactions: int
    opened: int
    """Cases opened at its contacts."""
    immediate: int
    """How many cases were solved within three minutes of the request."""
    solved: int = 0
    """Cases of its contacts that were solved in the window, whenever they were opened."""


@dataclass(frozen=True)
class Minute:
    """What happened in one minute."""

    at: datetime
    offered: int
    answered: int
    abandoned: int
    solved: int


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
    queues: dict[str, Buckets] = field(default_factory=dict)
    offered: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    """Contact, or a case that was opened at one -> its queue, and when it began."""
    waiting: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    """Contact that nobody answered and that wasn't given up -> its queue, and since when."""


def is_repeat(state: State, stream: str, sequence: int, now: datetime) -> bool:
    """Whether this event of the stream was here before; if not, notes that it was."""
    if sequence <= state.heard.get(stream, (0, now))[0]:
        return True
    state.heard[stream] = (sequence, now)
    return False


def count(state: State, at: datetime, counts: Counts, now: datetime, queue: str = "") -> None:
    """Something happened at ``at``, in a queue if that is known. What lies before the longest window or after now
    counts nothing."""
    if now - LONGEST < at <= now + MINUTE:
        minute = at.replace(second=0, microsecond=0)
        for buckets in (state.buckets, state.queues.setdefault(queue, {})) if queue else (state.buckets,):
            buckets[minute] = buckets.get(minute, NOTHING) + counts


def offer(state: State, contact: str, queue: str, at: datetime) -> None:
    """A contact begins to wait."""
    state.offered[contact] = state.waiting[contact] = (queue, at)


def belongs(state: State, case: str, contact: str) -> None:
    """A case was opened at a contact: it counts for that one's queue."""
    if found := state.offered.get(contact):
        state.offered[case] = found


def taken(state: State, contact: str) -> None:
    """A contact waits no more."""
    state.waiting.pop(contact, None)


def queue_of(state: State, contact_or_case: str) -> str:
    """Its queue; empty for what began before the longest window."""
    return state.offered.get(contact_or_case, ("",))[0]


def window(buckets: Mapping[datetime, Counts], minutes: int, now: datetime) -> Window:
    """The last so many minutes, the present one included, which isn't full yet."""
    total = _sum(buckets, _first(now, minutes * MINUTE))
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


def queues(state: State, now: datetime) -> tuple[Queue, ...]:
    """All queues in which anything happened, or somebody waits."""
    waits: dict[str, list[datetime]] = {}
    for queue, since in state.waiting.values():
        waits.setdefault(queue, []).append(since)
    first = _first(now, LONGEST)
    found = []
    for queue in sorted({*state.queues, *waits}):
        total = _sum(state.queues.get(queue, {}), first)
        since_when = waits.get(queue, [])
        found.append(
            Queue(
                queue=queue,
                waiting=len(since_when),
                longest=min(since_when, default=None),
                offered=total.offered,
                answered=total.answered,
                abandoned=total.abandoned,
                satisfaction=_share(total.satisfaction, total.satisfactions),
                satisfactions=total.satisfactions,
                opened=total.opened,
                immediate=total.immediate,
                solved=total.solved,
            )
        )
    return tuple(found)


def minutes(buckets: Mapping[datetime, Counts], now: datetime) -> tuple[Minute, ...]:
    """Each minute of the longest window, the oldest first."""
    first = _first(now, LONGEST)
    every = [first + number * MINUTE for number in range(LONGEST // MINUTE)]
    happened = [(at, buckets.get(at, NOTHING)) for at in every]
    return tuple(Minute(at, one.offered, one.answered, one.abandoned, one.solved) for at, one in happened)


def _first(now: datetime, length: timedelta) -> datetime:
    return now.replace(second=0, microsecond=0) - length + MINUTE


def _sum(buckets: Mapping[datetime, Counts], first: datetime) -> Counts:
    return sum((counts for minute, counts in buckets.items() if minute >= first), NOTHING)


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
    for buckets in (state.buckets, *state.queues.values()):
        for minute in [minute for minute in buckets if minute < oldest]:
            del buckets[minute]
    state.queues = {queue: buckets for queue, buckets in state.queues.items() if buckets}
    for known in (state.offered, state.waiting):
        for id in [id for id, (_, at) in known.items() if at < oldest]:
            del known[id]
    for stream in [stream for stream, (_, at) in state.heard.items() if at < oldest]:
        del state.heard[stream]
    for place, cases in list(state.cases.items()):
        for gone in list(_before(cases, oldest)):
            del cases[gone]
        if not cases:
            del state.cases[place]


def _before(cases: Mapping[str, Case], oldest: datetime) -> Iterator[str]:
    return (id for id, case in cases.items() if case.opened < oldest)
