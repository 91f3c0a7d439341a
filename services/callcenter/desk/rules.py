"""Whether an agent is there, and what a review is usually about. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

STATES = ("available", "break", "away")
"""What an agent says of himself."""
BREAKS = ("rest", "meal", "meeting", "training", "paperwork")
"""Why an agent has a break."""
BEAT = timedelta(seconds=15)
"""How often it is noted which agents have a page open."""
GONE_AFTER = 3 * BEAT
"""Who had no page open for so long isn't there, whatever he said."""
DIGITS = 9
"""So many reasons and outcomes can be chosen by one key each."""


@dataclass(frozen=True)
class Presence:
    """What an agent said last, and what else is known of him."""

    agent: str
    name: str
    state: str
    reason: str
    since: datetime
    heard: datetime
    queues: tuple[str, ...] = ()
    contact: str | None = None
    """The state of the contact that he is in: ``answered`` or ``ended``."""
    contact_since: datetime | None = None

    def shown(self, now: datetime) -> tuple[str, datetime]:
        """What he does, and since when: ``conversation``, ``wrap_up``, ``gone``, or what he said."""
        if self.contact and self.contact_since:
            return "conversation" if self.contact == "answered" else "wrap_up", self.contact_since
        if now - self.heard > GONE_AFTER:
            return "gone", self.heard
        return self.state, self.since


def takes_calls(state: str) -> bool:
    """Whether who said this is shown what waits in his queues."""
    return state == "available"


@dataclass(frozen=True)
class Habits:
    """What reviews of one queue said lately: which reasons first, and which outcome a reason usually has."""

    reasons: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    usual: Mapping[str, str] = field(default_factory=dict)
    """Reason -> outcome."""

    def ordered(self, kind: str, codes: Sequence[str]) -> list[str]:
        """These codes, the most frequent first; the others in their own order."""
        known = self.reasons if kind == "reason" else self.outcomes
        rank = {code: place for place, code in enumerate(known)}
        return sorted(codes, key=lambda code: rank.get(code, len(rank)))


def habits(reviews: Iterable[tuple[str, str, int]]) -> Habits:
    """Of (reason, outcome, how often). Of equals the first by code."""
    counts = [(many, reason, outcome) for reason, outcome, many in reviews]
    reasons: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    usual: dict[str, str] = {}
    for many, reason, outcome in sorted(counts, key=lambda each: (-each[0], each[1], each[2])):
        reasons[reason] += many
        outcomes[outcome] += many
        usual.setdefault(reason, outcome)
    return Habits(_frequent(reasons), _frequent(outcomes), usual)


def _frequent(counts: Counter[str]) -> tuple[str, ...]:
    return tuple(sorted(counts, key=lambda code: (-counts[code], code)))
