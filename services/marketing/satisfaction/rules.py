"""What reviews say of two groups of customers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

SCORES = range(1, 6)
_NORMAL_95 = 1.96
FEWEST = 2
"""Reviews of each group, below which nothing is said of their difference."""


class Counted(NamedTuple):
    """So many reviews of one month and score, given in the segment or outside of it."""

    month: str
    """``2026-03``."""
    inside: bool
    score: int
    reviews: int


@dataclass(frozen=True)
class Group:
    """How satisfied the customers of a group were."""

    scores: Mapping[int, int]
    """Score -> how many gave it."""

    @property
    def reviews(self) -> int:
        return sum(self.scores.values())

    @property
    def mean(self) -> float | None:
        """None where nobody gave any."""
        if not self.reviews:
            return None
        return sum(score * count for score, count in self.scores.items()) / self.reviews

    def share(self, score: int) -> float:
        """Of the group's reviews, those with this score."""
        return self.scores.get(score, 0) / self.reviews if self.reviews else 0.0

    @property
    def variance(self) -> float:
        """Of single scores around the mean; of fewer than ``FEWEST`` none."""
        if self.reviews < FEWEST or self.mean is None:
            return 0.0
        off = sum(count * (score - self.mean) ** 2 for score, count in self.scores.items())
        return off / (self.reviews - 1)


@dataclass(frozen=True)
class Difference:
    """By how much those inside are more satisfied, and between what it lies (95 %)."""

    mean: float
    low: float
    high: float

    @property
    def is_sure(self) -> bool:
        """Whether chance alone hardly explains it."""
        return self.low > 0 or self.high < 0


def group(counted: Iterable[Counted], *, inside: bool, month: str = "") -> Group:
    """The reviews of one side; of one month, if it is named."""
    scores = dict.fromkeys(SCORES, 0)
    for one in counted:
        if one.inside is inside and month in ("", one.month):
            scores[one.score] += one.reviews
    return Group(scores)


def difference(inside: Group, outside: Group) -> Difference | None:
    """Between two groups; none where one is too small to say anything."""
    if inside.mean is None or outside.mean is None or min(inside.reviews, outside.reviews) < FEWEST:
        return None
    mean = inside.mean - outside.mean
    around = _NORMAL_95 * sqrt(inside.variance / inside.reviews + outside.variance / outside.reviews)
    return Difference(mean, mean - around, mean + around)
