"""Made-up figures for the capacity model."""

from __future__ import annotations

from collections.abc import Sequence

from deploy.docs.results import Kept, Results
from tests.bench.made_up import result, results


def some(*, without: str = "", **more: float) -> list[Kept]:
    """What a full run could give; ``more`` changes the value of a figure, ``relay=1`` that of ``pipeline.relay``."""
    rates = {"relay": 80_000, "timeline": 50_000, "profile": 25_000, "backfill": 30_000} | more
    made = [
        result("pipeline.relay", rates["relay"], "events/s", more={"bytes": 500}),
        result("pipeline.capture", 2.5, "ms", of="500/s p50"),
        result("pipeline.timeline", rates["timeline"], "events/s"),
        result("pipeline.profile", rates["profile"], "events/s"),
        result("pipeline.backfill", rates["backfill"], "events/s", more={"events": 1_000_000, "customers": 100_000}),
        result("pipeline.latency", 6, "ms", of="500/s p50"),
        result("pipeline.latency", 7, "ms", of="2,000/s p50"),
        result("pipeline.latency", 20, "ms", of="2,000/s p99"),
        result("pipeline.command", 1_000, "commands/s"),
        result("timeline.read", 5, "ms", of="one client p50"),
        *(growth(of, (60_000, 50_000, 40_000)) for of in ("timeline", "profile")),
        result("pipeline.workers", 1.4, "x"),
        result("memory.worker", 150, "MiB", of="sync worker"),
    ]
    return [one for one in made if one.figure != without]


def growth(of: str, rates: Sequence[float]) -> Kept:
    """Events a second with ten thousand, a hundred thousand and a million customers."""
    measured = dict(zip(("10000", "100000", "1000000"), rates, strict=False))
    return result("pipeline.growth", rates[0] / rates[-1], "x", of=of, more={"events_per_second": measured})


def kept(*, without: str = "", **more: float) -> Results:
    """The same, as it is kept."""
    return results(some(without=without, **more))
