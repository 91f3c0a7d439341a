"""Results that nobody measured, for the tests of what is made of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deploy.docs.results import Kept, Machine, Results

ON = Machine(cpus=2, cpu="Some Processor", memory_gib=24, python="3.11.7", postgresql="18.4", kafka="4.3.0")
DAY = "2026-01-05"


def result(figure: str, value: float, unit: str, **more: Any) -> Kept:
    """A result whose ratio and verdict follow from its limit and its bound."""
    limit, least, most = more.get("limit"), more.get("least"), more.get("most")
    ratio = round(value / limit, 3) if limit else None
    met = None
    if least is not None or most is not None:
        met = (least is None or (ratio or 0) >= least) and (most is None or value <= most)
    return Kept(
        **{"ratio": ratio, "met": met, "runs": [value], "measured": DAY, "on": ON, **more},
        figure=figure,
        value=value,
        unit=unit,
    )


def results(some: Sequence[Kept], goals: Mapping[str, str] | None = None) -> Results:
    """What is kept, with every figure that has a result."""
    return Results({**{one.figure: one.goal for one in some}, **(goals or {})}, list(some))
