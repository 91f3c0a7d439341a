"""What a block's tables held at the end of each week of a replay, and what it heard and would have said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.pipeline.digest import business_tables
from shared.pipeline.main import Block
from shared.pipeline.replay import Outcome, Replay

WEEK = timedelta(days=7)

Figures = Mapping[str, str]
"""Name of a figure -> the SQL that gives it."""

FIGURES: Mapping[str, Figures] = {
    "marketing": {
        "in segment": """SELECT count(DISTINCT coalesce(c.cluster, s.member)) FROM published_stay s
            LEFT JOIN customer_cluster c ON c.member = s.member""",
        "with a value": "SELECT count(DISTINCT cluster) FROM published_value",
        "value": "SELECT coalesce(sum(amount), 0) / 100 FROM (SELECT DISTINCT cluster, amount FROM published_value) v",
    },
    "callcenter": {
        "cards with a value": "SELECT count(*) FROM insight_value",
        "cards with a segment": "SELECT count(DISTINCT member) FROM insight_segment",
        "cards with orders": "SELECT count(DISTINCT member) FROM insight_order",
        "notes": "SELECT count(*) FROM insight_note",
    },
    "sfa": {
        "requests": "SELECT count(*) FROM order_request",
        "decided": "SELECT count(*) FROM order_decision",
        "customers": "SELECT count(*) FROM customer_record WHERE registered IS NOT NULL",
    },
    "sync": {
        "timeline": "SELECT count(*) FROM interaction",
        "linked members": "SELECT count(*) FROM customer_cluster",
        "to look at": "SELECT count(*) FROM identity_suggestion",
        "conflicts": """SELECT count(*) FROM customer_record r, jsonb_each(r.states) s
            WHERE jsonb_array_length(coalesce(s.value -> 'open', '[]')) > 0""",
    },
}
"""What is shown of each block, week by week; of another, how many rows its tables have."""


def week_of(instant: datetime) -> datetime:
    """The Monday with which an instant's week begins. An instant at midnight ends a day, and so maybe a week."""
    day = (instant - timedelta(microseconds=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


@dataclass
class Weeks:
    """Looks at a replay at each day's end; the last look of a week stands for it."""

    replay: Replay
    figures: Figures
    seen: dict[datetime, dict[str, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, replay: Replay, block: Block) -> Weeks:
        rows = {name: f'SELECT count(*) FROM "{name}"' for name in business_tables(block.metadatas)}  # noqa: S608
        return cls(replay, FIGURES.get(block.name, rows))

    def look(self, midnight: datetime) -> None:
        """At the end of a day."""
        with Session(self.replay.service.engine) as session:
            now = {name: int(session.scalar(text(query)) or 0) for name, query in self.figures.items()}
        self.seen[week_of(midnight)] = now

    def between(self, first: datetime, last: datetime) -> dict[datetime, dict[str, int]]:
        """The figures of every week from that of ``first`` to that of ``last``: where nothing happened, the last."""
        shown, monday = {}, week_of(first)
        now = self.seen.get(max((w for w in self.seen if w <= monday), default=monday), dict.fromkeys(self.figures, 0))
        while monday <= week_of(last):
            shown[monday] = now = self.seen.get(monday, now)
            monday += WEEK
        return shown


def by_week(counted: Counter[tuple[datetime, str]]) -> Counter[tuple[datetime, str]]:
    """What was counted by day."""
    weeks: Counter[tuple[datetime, str]] = Counter()
    for (day, name), number in counted.items():
        weeks[day - timedelta(days=day.weekday()), name] += number
    return weeks


def last_part(outcome: Outcome, share: float) -> tuple[datetime, datetime]:
    """From when to when the last part of the data goes. Raises ``ValueError`` when there were none."""
    if outcome.first is None or outcome.last is None:
        raise ValueError("there was nothing in the log")
    return outcome.last - (outcome.last - outcome.first) * share, outcome.last
