"""What a figure is: what was measured, against which limit of the machine, and what it should be."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from tests.bench.machine import Machine


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One measured figure, as one line of JSON."""

    figure: str
    value: float
    unit: str
    limit: float | None = None
    """What the machine does at best with the same payload, measured in the same run, in the same unit."""
    ratio: float | None = None
    """``value`` to ``limit``, the better the higher."""
    goal: str = ""
    met: bool | None = None
    """Whether the goal is reached; none where there is none, or at a small size."""
    runs: list[float] = []
    """The value of each run; ``value`` is their median."""
    more: dict[str, Any] = {}
    """What else was seen: sizes, the limit's runs, steps in microseconds an event."""


@dataclass(frozen=True)
class Figure:
    """How a figure is measured. One measurement may give several results (``pipeline.capture`` at two rates)."""

    name: str
    goal: str
    """In words, as it is shown."""
    measure: Callable[[Machine], Iterable[Result]]
    reached: Callable[[Result], bool] = field(default=lambda _: True)

    def results(self, machine: Machine) -> Iterator[Result]:
        """Measure; each result says whether the goal is reached, if it was measured at full size."""
        for result in self.measure(machine):
            met = self.reached(result) if machine.size.full and self.goal else None
            yield msgspec.structs.replace(result, goal=self.goal, met=met)


def at_least(ratio: float) -> Callable[[Result], bool]:
    """Reached when the ratio to the limit is so high at least."""
    return lambda result: result.ratio is not None and result.ratio >= ratio


def at_most(value: float) -> Callable[[Result], bool]:
    """Reached when the value is so low at least."""
    return lambda result: result.value <= value


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which so much of ``values`` lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


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
