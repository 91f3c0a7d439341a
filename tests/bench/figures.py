"""What a figure is: what was measured, against which limit of the machine, and what it should be."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from deploy.docs.results import Result

if TYPE_CHECKING:
    from tests.bench.machine import Machine


@dataclass(frozen=True)
class Bound:
    """What a result is to reach."""

    least: float | None = None
    """Of the ratio."""
    most: float | None = None
    """Of the value."""

    def __call__(self, result: Result) -> bool:
        enough = self.least is None or (result.ratio is not None and result.ratio >= self.least)
        return enough and (self.most is None or result.value <= self.most)


@dataclass(frozen=True)
class Figure:
    """How a figure is measured. One measurement may give several results (``pipeline.capture`` at two rates)."""

    name: str
    goal: str
    """In words, as it is shown."""
    measure: Callable[[Machine], Iterable[Result]]
    reached: Callable[[Result], bool] = Bound()
    """Of results that have no bound of their own in ``least`` or ``most``."""

    def results(self, machine: Machine) -> Iterator[Result]:
        """Measure; each result says whether the goal is reached, if it was measured at full size."""
        for result in self.measure(machine):
            own = Bound(result.least, result.most)
            reached = self.reached if own == Bound() else own
            bound = reached if isinstance(reached, Bound) else Bound()
            met = reached(result) if machine.size.full and reached != Bound() else None
            goal = self.goal if reached != Bound() else ""
            yield msgspec.structs.replace(result, least=bound.least, most=bound.most, goal=goal, met=met)


def at_least(ratio: float) -> Bound:
    """Reached when the ratio to the limit is so high at least."""
    return Bound(least=ratio)


def at_most(value: float) -> Bound:
    """Reached when the value is so low at least."""
    return Bound(most=value)


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which so much of ``values`` lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)]


def throughput(figure: str, runs: Sequence[float], limits: Sequence[float], **more: Any) -> Result:
    """Events a second over several runs, against a limit measured as often. Rounded to what such runs can tell."""
    value, limit = median(runs), median(limits)
    return Result(
        figure=figure,
        value=round(value),
        unit="events/s",
        limit=round(limit),
        ratio=round(value / limit, 3),
        runs=[round(run) for run in runs],
        more={"limit_runs": [round(one) for one in limits], **more},
    )
