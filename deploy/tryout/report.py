"""Prints what a trial would have shown: figures, counts and shortened ids, no personal data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from rich.table import Table
from sqlalchemy import text
from sqlalchemy.orm import Session

from deploy.local.progress import Progress
from deploy.tryout.weeks import Weeks, by_week, last_part, week_of
from shared.pipeline.replay import Replay

MOST_TYPES = 6
TOP = 10

_MOVES = text("""
SELECT date_trunc('week', at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS week, count(*) FILTER (WHERE came),
       count(*) FILTER (WHERE NOT came)
FROM (SELECT entered AS at, true AS came FROM stay
      UNION ALL SELECT "left", false FROM stay WHERE "left" IS NOT NULL) m GROUP BY 1
""")
_TOP = text("""
SELECT cluster, max(amount), max(currency), max(orders) FROM published_value
GROUP BY cluster ORDER BY 2 DESC, 1 LIMIT :most
""")


def show(block: str, replay: Replay, weeks: Weeks, progress: Progress, share: float) -> None:
    """All of it, on the last part of the data."""
    outcome = replay.outcome
    first, last = last_part(outcome, share)
    progress.say(f"\n{block}, {first:%Y-%m-%d} to {last:%Y-%m-%d}: what it would have shown at the end of each week")
    progress.say(_weekly(weeks.between(first, last), _moves(replay) if block == "marketing" else {}))
    if block == "marketing":
        progress.say("\nWorth most at the end (customers by the end of their ids)")
        progress.say(_top(replay))
    progress.say("\nEvents that it would have heard in that time, by type and week")
    progress.say(_types(outcome.heard, first))
    if outcome.facts:
        progress.say("\nWhat other blocks would have heard from it in that time")
        progress.say(_types(outcome.facts, first))
    _sums(block, replay, progress)


def _weekly(figures: Mapping[datetime, Mapping[str, int]], moves: Mapping[datetime, tuple[int, int]]) -> Table:
    names = list(next(iter(figures.values())))
    table = Table("week of", *names, *(("entered", "left") if moves else ()))
    for week, of in figures.items():
        more = [f"{n:,}" for n in moves.get(week, (0, 0))] if moves else []
        table.add_row(f"{week:%Y-%m-%d}", *(f"{of[name]:,}" for name in names), *more)
    return table


def _moves(replay: Replay) -> dict[datetime, tuple[int, int]]:
    with Session(replay.service.engine) as session:
        return {week: (came, went) for week, came, went in session.execute(_MOVES)}


def _top(replay: Replay) -> Table:
    table = Table("customer", "value", "orders")
    with Session(replay.service.engine) as session:
        for cluster, amount, currency, orders in session.execute(_TOP, {"most": TOP}):
            # Of a UUIDv7 the end is what tells two of one day apart.
            table.add_row(f"…{str(cluster)[-12:]}", f"{amount / 100:,.2f} {currency}", str(orders))
    return table


def _types(counted: Counter[tuple[datetime, str]], first: datetime) -> Table:
    table = Table("week of", "all", "of which")
    weeks: dict[datetime, Counter[str]] = {}
    for (week, name), number in by_week(counted).items():
        if week >= week_of(first):
            weeks.setdefault(week, Counter())[name] += number
    for week, types in sorted(weeks.items()):
        said = ", ".join(f"{name} {number:,}" for name, number in types.most_common(MOST_TYPES))
        table.add_row(f"{week:%Y-%m-%d}", f"{types.total():,}", said)
    return table


def _sums(block: str, replay: Replay, progress: Progress) -> None:
    outcome = replay.outcome
    with Session(replay.service.engine) as session:
        parked = session.scalar(text("SELECT count(*) FROM parked_stream"))
        owed = session.scalar(text("SELECT count(*) FROM intent"))
        told = session.scalar(text("SELECT count(*) FROM published_value")) if block == "marketing" else None
    if told is not None:
        progress.say(f"\nAt the end {told:,} cards and devices would show a value.")
    progress.say(
        f"{outcome.messages:,} events heard, {sum(outcome.facts.values()):,} facts dropped unsaid, "
        f"{owed:,} effects owed and not carried out, {parked:,} streams parked."
    )
    if outcome.tasks_given_up:
        progress.say("Some of what was due kept falling due at once, and was given up.")
