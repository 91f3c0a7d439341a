"""Satisfaction in the segment and outside of it. Nothing here writes."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from sqlalchemy import text

from services.marketing.satisfaction import rules
from services.marketing.satisfaction.rules import SCORES, Counted
from services.marketing.segments import handlers as segments
from shared.access.actions import Action
from shared.pipeline.look import Look


class Side(msgspec.Struct, frozen=True):
    """How satisfied customers were, in the segment or outside of it."""

    reviews: int
    mean: float | None
    scores: dict[int, int]
    """Score, 1 to 5 -> how many gave it."""
    shares: dict[int, float]


class Month(msgspec.Struct, frozen=True):
    """The means of a month; none where nobody gave a score."""

    month: str
    inside: float | None
    outside: float | None


class Difference(msgspec.Struct, frozen=True):
    """By how much those in the segment are more satisfied; 95 of 100 times it lies between low and high."""

    mean: float
    low: float
    high: float
    is_sure: bool
    """Whether chance alone hardly explains it."""


class Satisfaction(msgspec.Struct, frozen=True):
    """Satisfaction by segment: a review counts where its customer was when giving it."""

    days: int
    inside: Side
    outside: Side
    difference: Difference | None
    months: list[Month]


def by_segment(look: Look, segment: str, days: int) -> Satisfaction:
    """Satisfaction of the last days. Raises ``Forbidden`` and ``NotFound``."""
    look.need(Action.SEGMENT_READ)
    segments.known(segment)
    values = {"since": look.now - timedelta(days=days), "now": look.now}
    counted = [Counted(*row) for row in look.session.execute(_COUNTED, values)]
    inside, outside = rules.group(counted, inside=True), rules.group(counted, inside=False)
    apart = rules.difference(inside, outside)
    return Satisfaction(
        days,
        _side(inside),
        _side(outside),
        None if apart is None else Difference(apart.mean, apart.low, apart.high, apart.is_sure),
        [
            Month(m, rules.group(counted, inside=True, month=m).mean, rules.group(counted, inside=False, month=m).mean)
            for m in sorted({one.month for one in counted})
        ],
    )


def _side(of: rules.Group) -> Side:
    return Side(of.reviews, of.mean, dict(of.scores), {score: of.share(score) for score in SCORES})


# By the stays and clusters as they are known now: what was linked since counts for the one customer.
_COUNTED = text("""
SELECT to_char(r.at AT TIME ZONE 'UTC', 'YYYY-MM'), s.cluster IS NOT NULL, r.score, count(*)
FROM review r
LEFT JOIN customer_cluster c USING (member)
LEFT JOIN stay s
  ON s.cluster = coalesce(c.cluster, r.member) AND s.entered <= r.at AND (s."left" IS NULL OR s."left" > r.at)
WHERE r.at > :since AND r.at <= :now
GROUP BY 1, 2, 3
""")
