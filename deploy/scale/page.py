"""docs/scale.md, and what ``python -m deploy.scale`` prints."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import msgspec

from deploy.docs.benchmarks import dates, number
from deploy.docs.meanings import markdown, of_fields, table
from deploy.docs.results import Results, load
from deploy.scale.assumptions import Assumptions, mean_load
from deploy.scale.checks import Check
from deploy.scale.measured import NotMeasured
from deploy.scale.plan import Plan
from deploy.scale.simulation import Course, Outage
from deploy.scale.study import MOST_EVENTS, Study, study

CUSTOMERS, EVENTS = 10_000_000, 20_000
"""Of the page."""

LEAD = """\
# Scale

Made by `make docs` from [the benchmarks](benchmarks.md). `make scale CUSTOMERS=1000000 EVENTS=2000` says the same of
another load, and `python -m deploy.scale --set database_cores=64` with other assumptions.

What one process does is measured. From that it is worked out how many of each part {customers:,} customers and
{events:,} events a second at the busiest hour take; then three days are simulated in steps of half a minute: commands,
outboxes, relays, partitions of customers of whom some are busier than others, workers, and the databases that they
share.
"""

REMEDIES = {
    "relay": "A service has one relay, that order may hold. Beyond that its outbox has to be divided by stream among "
    "several leaders, which is a change of its design.",
    "hottest partition": "A partition is one worker's. More partitions help as long as it isn't one customer who is so "
    "busy; their number is fixed by the first start.",
    "database cores": "Divide the service's tables by customer over several servers (Citus): every key begins with the "
    "customer, and a transaction touches several only where the business says so.",
    "write-ahead log": "Checkpoints further apart log fewer images of pages; beyond that divide the service's tables "
    "by customer over several servers (Citus).",
    "pages of its disk": "In sync it is the timeline's two indexes, into which each event is put somewhere else once "
    "they are larger than memory: partition the timeline by time, so that the newest part stays in memory, or divide "
    "it by customer over several servers (Citus). Elsewhere checkpoints further apart write fewer pages.",
}


@lru_cache(maxsize=2)
def _studied(encoded: bytes) -> Study:
    """As a simulation takes seconds, one for the same results."""
    return study(msgspec.json.decode(encoded, type=Results), CUSTOMERS, EVENTS, Assumptions())


def studied(results: Results | None = None) -> Study:
    """The study of the page, of these results or those that are kept. Raises ``NotMeasured``."""
    return _studied(msgspec.json.encode(load() if results is None else results))


def page(results: Results | None = None) -> str:
    """The page for these results, or those that are kept."""
    results = load() if results is None else results
    lead = LEAD.format(customers=CUSTOMERS, events=EVENTS)
    try:
        found = studied(results)
    except NotMeasured as missing:
        return f"{lead}\n{missing}\n"
    pictures = [
        "## Over a day and with more events",
        "",
        "![How much is used over a day, and what waits after an outage](scale-day.svg)",
        "",
        "![How much of each ceiling is used with more events](scale-growth.svg)",
        "",
    ]
    parts = [lead, *conclusions(found), *sizes(found.plan), *pictures, *growth(found), *against(found.checks)]
    return "\n".join([*parts, *assumptions(found), *dates(results.results), ""])


def report(found: Study) -> str:
    """For who asked on the command line."""
    return "\n".join([*conclusions(found), *sizes(found.plan), *growth(found), *against(found.checks)]).rstrip()


def conclusions(found: Study) -> list[str]:
    """In words, what follows."""
    planned, events = found.plan, found.load.events
    stage = found.breaks_first
    fits = events <= found.breaks_at
    money = sum(planned.money.values())
    dearest = max(planned.money, key=lambda name: planned.money[name])
    workers = sum(one.workers for one in planned.services.values())
    return [
        "## Conclusions",
        "",
        f"* {'**It fits.**' if fits else '**It does not fit as it is.**'} The first to be used by more than "
        f"{found.assumed.most_used:.0%} is **{stage}**, at {number(round(found.breaks_at, -2))} events a second; at "
        f"{number(events)} it is used by {planned.ceilings[stage]:.0%}. {REMEDIES[stage.partition(': ')[2]]}",
        f"* It takes {planned.partitions} partitions a topic (fixed before the first start; 12 where nothing is set), "
        f"{workers} workers, {sum(one.api_processes for one in planned.services.values())} API processes, "
        f"{planned.brokers} Kafka brokers and {number(planned.memory_gib)} GiB of memory.",
        f"* With {number(found.load.customers)} customers a sync worker takes in "
        f"{number(found.measured.rate('sync', found.load.customers))} events a second, where with 100,000 it is "
        f"{number(found.measured.backfill)}.",
        f"* A year leaves {number(sum(one.disk_gib for one in planned.services.values()) / 1024)} TiB in the databases "
        f"and {number(planned.kafka_gib / 1024)} TiB in Kafka (replication included; the log is kept for ever). "
        f"sync's timeline is one table, which can't be larger than {found.assumed.table_tib:g} TiB: that is reached "
        f"after {number(planned.days_of_timeline)} days. Before that it has to be partitioned.",
        *(_after(what, outage, course, found) for what, (outage, course) in found.outages.items()),
        f"* All of it costs some {number(round(money, -2))} dollars a month after the first year, of which "
        f"{planned.money[dearest] / money:.0%} are {dearest}.",
        "",
    ]


def _after(what: str, outage: Outage, course: Course, found: Study) -> str:
    seconds = course.drained(outage, found.usual, found.load.events)
    most = max(0.0, *(a - b for a, b in zip(course.waiting(), found.usual.waiting(), strict=True)))
    drained = "not within the days simulated" if seconds is None else f"{_duration(seconds)} later"
    name = what if what == "Kafka" else f"{what}'s workers"
    return (
        f"* {name} away for an hour at the busiest time: {number(most / 1e6)} million events wait at most beside those "
        f"that wait on any day; they are caught up {drained}."
    )


def _duration(seconds: float) -> str:
    return f"{number(seconds / 3600)} hours" if seconds > 7200 else f"{number(seconds / 60)} minutes"


def sizes(planned: Plan) -> list[str]:
    """What each service takes, and what all of it costs."""
    head = ("service", "publishes /s", "hears /s", "workers", "API processes", "busy database cores", "WAL MB/s")
    rows = [
        (
            name,
            number(planned.load.published(name)),
            number(planned.load.heard(name)),
            str(one.workers),
            str(one.api_processes),
            number(one.database_cores),
            number(one.wal_mb),
            number(one.iops),
            number(one.disk_gib / 1024),
        )
        for name, one in planned.services.items()
    ]
    money = [(what, number(round(dollars, -2))) for what, dollars in planned.money.items()]
    return [
        "## What it takes",
        "",
        "At the busiest hour; processes are sized so that none is used by more than it may.",
        "",
        table((*head, "pages read and written /s", "TiB after a year"), rows),
        "",
        table(("a month, after a year", "dollars"), [*money, ("all", number(round(sum(planned.money.values()), -2)))]),
        "",
    ]


def growth(found: Study) -> list[str]:
    """The ceilings, with more events."""
    names = sorted(found.plan.ceilings, key=lambda name: -found.plan.ceilings[name])[:8]
    rows = [(name, *(_share(each.ceilings[name], found) for each in found.growth.values())) for name in names]
    breaks = [
        (name, number(round(at, -2)) if at < MOST_EVENTS else "never")
        for name, at in sorted(found.breaking.items(), key=lambda item: item[1])
    ]
    workers = [str(sum(one.workers for one in each.services.values())) for each in found.growth.values()]
    return [
        "What there is one of, and how much of it is used at so many events a second; beyond "
        f"{found.assumed.most_used:.0%} it is too much.",
        "",
        table(("events/s", *(f"{events:,}" for events in found.growth)), [*rows, ("workers", *workers)]),
        "",
        "## Where it breaks, in order",
        "",
        table(("what", "events a second at the busiest hour"), breaks[:12]),
        "",
    ]


def _share(used: float, found: Study) -> str:
    return f"**{used:.0%}**" if used > found.assumed.most_used else f"{used:.0%}"


def against(found: list[Check]) -> list[str]:
    """What the model says of what was measured."""
    if not found:
        return []
    rows = [
        (
            one.what,
            f"{number(one.predicted)} {one.unit}",
            f"{number(one.measured)} {one.unit}",
            f"{one.error:+.0%}",
            one.how,
        )
        for one in found
    ]
    return [
        "## Checked against measurements",
        "",
        "From figures that don't contain what is predicted. All of it ran on one machine that also ran the load.",
        "",
        table(("what", "predicted", "measured", "error", "predicted from"), rows),
        "",
    ]


def assumptions(found: Study) -> list[str]:
    """What was measured, and what wasn't."""
    meanings = of_fields(Assumptions)
    rows = [
        (f"`{field.name}`", f"{getattr(found.assumed, field.name):,g}", markdown(meanings[field.name]))
        for field in dataclasses.fields(found.assumed)
    ]
    one = found.measured
    said = [
        f"* a relay sends {number(one.relay)} events/s of {number(one.event_bytes)} bytes; a worker of sync takes in "
        f"{number(one.backfill)}, of the others {number(one.profile)}, with 100,000 customers;",
        f"* with ten times the customers an event costs sync {one.timeline_growth:.2f} and the others "
        f"{one.profile_growth:.2f} times as much;",
        f"* an API process takes {number(one.command)} commands/s, and a read {number(one.read_seconds * 1000)} ms;",
        f"* an event leaves {number(one.row_bytes)} bytes in sync and {number(one.wal_bytes)} of write-ahead log; a "
        f"process has {number(one.worker_mib)} MiB"
        + (f" (not measured but assumed: {', '.join(one.assumed)})." if one.assumed else "."),
    ]
    return [
        "## What goes in",
        "",
        "Measured:",
        "",
        *said,
        "",
        f"Assumed. Over a day the load is {mean_load():.0%} of that of the busiest hour. Not modelled: the network, "
        "vacuum, backups, failovers, people.",
        "",
        table(("assumption", "value", "meaning"), rows),
        "",
    ]
