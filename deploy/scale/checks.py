"""What the model says of what was measured too, from figures that don't contain it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from deploy.docs.results import Results
from deploy.scale.assumptions import Assumptions
from deploy.scale.measured import CUSTOMERS, Measured, rates_by_customers
from deploy.scale.rounds import arrivals, late, round_of, through

KNOWN_RATE, TOLD_RATE = 500, 2_000


@dataclass(frozen=True)
class Check:
    """A prediction beside a measurement."""

    what: str
    how: str
    """From what it was predicted."""
    predicted: float
    measured: float
    unit: str

    @property
    def error(self) -> float:
        """As a share of what was measured."""
        return self.predicted / self.measured - 1


def checks(results: Results, measured: Measured, assumed: Assumptions) -> list[Check]:
    """All for which there are measurements."""
    found = [
        _backfill(results, measured),
        *_latency(results, measured),
        _workers(results, assumed),
        *(_growth(results, of) for of in ("timeline", "profile")),
    ]
    return [one for one in found if one]


def _backfill(results: Results, measured: Measured) -> Check | None:
    """Every event costs what it costs the timeline; a customer's registration besides what it costs a profile."""
    one = results.one("pipeline.backfill")
    if one is None or "events" not in one.more:
        return None
    events, customers = float(one.more["events"]), float(one.more.get("customers", CUSTOMERS))
    return Check(
        f"back-fill of {events:,.0f} events by a late sync",
        "`pipeline.timeline` for each event, and `pipeline.profile` for each customer; `pipeline.backfill` isn't used",
        events / measured.timeline + customers / measured.profile,
        events / one.value,
        "s",
    )


def _latency(results: Results, measured: Measured) -> list[Check]:
    """Relay and consumer as stages that work in rounds: what a round costs is found at 500/s."""
    sent, seen = (results.one(f"pipeline.{name}", f"{KNOWN_RATE}/s p50") for name in ("capture", "latency"))
    if sent is None or seen is None:
        return []
    relay, worker = 1 / measured.relay, 1 / measured.timeline
    known = arrivals(KNOWN_RATE)
    of_relay = round_of(sent.value / 1000, lambda cost: late(known, through(known, cost, relay)))
    relayed = through(known, of_relay, relay)
    of_worker = round_of(seen.value / 1000, lambda cost: late(known, through(relayed, cost, worker)))
    told = arrivals(TOLD_RATE)
    left = through(through(told, of_relay, relay), of_worker, worker)
    found = []
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        one = results.one("pipeline.latency", f"{TOLD_RATE:,}/s {name}")
        if one:
            how = f"event by event, with the cost of a round as {KNOWN_RATE}/s p50 tells it and that of an event as "
            how += "`pipeline.relay` and `pipeline.timeline` do"
            what = f"commit to visible at {TOLD_RATE:,}/s, {name}"
            found.append(Check(what, how, late(told, left, share) * 1000, one.value, "ms"))
    return found


def _workers(results: Results, assumed: Assumptions) -> Check | None:
    """Two workers on the cores of the machine, beside the PostgreSQL that they keep busy."""
    one = results.one("pipeline.workers")
    if one is None:
        return None
    each = 1 + assumed.worker_database_cores
    return Check(
        "two workers against one on the same machine",
        f"{one.on.cpus} cores, of which a worker with its PostgreSQL keeps {each:.1f} busy",
        max(1.0, min(2.0, one.on.cpus / each)),
        one.value,
        "x",
    )


def _growth(results: Results, of: str) -> Check | None:
    """The last number of customers from those before it, on a line over the logarithm of their number."""
    rates = list(rates_by_customers(results, of).items())
    if len(rates) < 3:
        return None
    (first, fast), (second, slower), (third, slowest) = rates[0], rates[-2], rates[-1]
    slope = (1 / slower - 1 / fast) / math.log10(second / first)
    return Check(
        f"{of}: events a second with {third:,} customers",
        f"`pipeline.growth` with {first:,} and {second:,}",
        1 / (1 / slower + slope * math.log10(third / second)),
        slowest,
        "events/s",
    )
