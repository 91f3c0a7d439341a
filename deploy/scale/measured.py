"""What the capacity model takes from docs/benchmarks.json."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from deploy.docs.results import Results
from deploy.scale.assumptions import Assumptions

CUSTOMERS = 100_000
"""With which events a second are measured where nothing else is said."""


FROM = {
    "relay": "pipeline.relay",
    "timeline": "pipeline.timeline",
    "profile": "pipeline.profile",
    "backfill": "pipeline.backfill",
    "command": "pipeline.command",
    "read_seconds": "timeline.read",
    "timeline_growth": "pipeline.growth",
    "profile_growth": "pipeline.growth",
    "event_bytes": "pipeline.relay",
}
"""What nothing can be said without -> the figure that it is taken from."""


class NotMeasured(Exception):
    """Figures without which nothing can be said."""

    def __init__(self, figures: list[str]) -> None:
        self.figures = figures
        super().__init__(f"Not measured yet: {', '.join(figures)}. Run `make bench` first.")


@dataclass(frozen=True)
class Measured:
    """Rates of one process with 100,000 customers, and how they change with more."""

    relay: float
    """Events a second that a relay drains."""
    timeline: float
    """Events a second that sync's timeline takes in."""
    profile: float
    """Events a second that marketing's profiles and segments take in."""
    backfill: float
    """Events a second that sync takes in with all that it keeps."""
    timeline_growth: float
    """By how much the cost of an event rises with ten times the customers."""
    profile_growth: float
    command: float
    """Commands a second of one API process."""
    read_seconds: float
    """Of one read, when nothing else happens."""
    event_bytes: float
    row_bytes: float
    wal_bytes: float
    worker_mib: float
    assumed: tuple[str, ...] = ()
    """What wasn't measured, and is taken from the assumptions."""

    def rate(self, service: str, customers: float) -> float:
        """Events a second that one worker of a service takes in, with so many customers. What call center and sfa hear
        they keep for each customer, as marketing does: its rate is taken for theirs."""
        rate, growth = (
            (self.backfill, self.timeline_growth) if service == "sync" else (self.profile, self.profile_growth)
        )
        return rate / math.pow(growth, max(0.0, math.log10(max(customers, 1) / CUSTOMERS)))


def measured(results: Results, assumptions: Assumptions) -> Measured:
    """Raises ``NotMeasured`` with the figures that are missing."""
    found = {
        "relay": _value(results, "pipeline.relay"),
        "timeline": _value(results, "pipeline.timeline"),
        "profile": _value(results, "pipeline.profile"),
        "backfill": _value(results, "pipeline.backfill"),
        "command": _value(results, "pipeline.command"),
        "read_seconds": _value(results, "timeline.read", "one client p50", 1 / 1000),
        "timeline_growth": _decade(results, "timeline"),
        "profile_growth": _decade(results, "profile"),
        "event_bytes": _more(results, "pipeline.relay", "bytes"),
    }
    if missing := [FROM[name] for name, value in found.items() if value is None]:
        raise NotMeasured(list(dict.fromkeys(missing)))
    memory = [one.value for one in results.of_figure("memory.worker")]
    optional = {
        **{name: _of_sync(results, name) for name in ("row_bytes", "wal_bytes")},
        "worker_mib": max(memory) if memory else None,
    }
    assumed = tuple(name for name, value in optional.items() if value is None)
    filled = {name: getattr(assumptions, name) if value is None else value for name, value in optional.items()}
    return Measured(**{name: float(value or 0) for name, value in found.items()}, **filled, assumed=assumed)


def _value(results: Results, figure: str, of: str = "", unit: float = 1.0) -> float | None:
    one = results.one(figure, of)
    return one.value * unit if one else None


def _more(results: Results, figure: str, name: str) -> float | None:
    found = next((one.more[name] for one in results.of_figure(figure) if name in one.more), None)
    return None if found is None else float(found)


def _of_sync(results: Results, name: str) -> float | None:
    """Of all that sync keeps, or else of its timeline alone."""
    found = (_more(results, figure, name) for figure in ("pipeline.backfill", "pipeline.timeline"))
    return next((value for value in found if value is not None), None)


def rates_by_customers(results: Results, of: str) -> dict[int, float]:
    """Customers -> events a second, where it was measured with several numbers of them."""
    one = results.one("pipeline.growth", of)
    found: dict[str, Any] = one.more.get("events_per_second", {}) if one else {}
    return {int(customers): float(rate) for customers, rate in sorted(found.items(), key=lambda item: int(item[0]))}


def _decade(results: Results, of: str) -> float | None:
    """By how much the cost of an event rises with ten times the customers, over all that was measured; never falls."""
    rates = rates_by_customers(results, of)
    if len(rates) < 2:
        return None
    (fewest, fast), (most, slow) = next(iter(rates.items())), list(rates.items())[-1]
    return max(1.0, math.pow(fast / slow, 1 / math.log10(most / fewest)))
