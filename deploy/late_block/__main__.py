"""``python -m deploy.late_block``: let a block join late, in a scratch copy, and compare it with one that was there."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from confluent_kafka import KafkaException
from rich.table import Table
from sqlalchemy import text
from sqlalchemy.orm import Session

from deploy.late_block.left_out import LEFT_OUT
from deploy.local.problems import Problem
from deploy.local.progress import Progress
from deploy.tryout.scratch import Place
from deploy.tryout.weeks import Weeks
from shared.pipeline import replay
from shared.pipeline.digest import differing, digest
from shared.pipeline.replay import Replay

SHOWN = 12
"""Characters of a digest."""


def main(arguments: list[str]) -> int:
    """Play the log twice and compare; gives the exit status: 0 when both end in the same state."""
    options = parser().parse_args(arguments)
    try:
        return _compare(options.block, options.order.split(",") if options.order else (), show_rows=options.rows)
    except (Problem, ValueError) as problem:
        print(f"\n{problem}", file=sys.stderr)
    except KafkaException as error:
        print(f"\nKafka doesn't answer: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m deploy.late_block", description=__doc__)
    made.add_argument("--block", default="marketing", help="which block joins late (default: marketing)")
    made.add_argument("--order", help="in which order it reads the others, as sfa,sync,callcenter (default: its own)")
    made.add_argument("--rows", action="store_true", help="show rows that differ; they may hold personal data")
    return made


def _compare(name: str, order: Sequence[str], *, show_rows: bool) -> int:
    progress, place = Progress(), Place.of(name)
    sources = place.block.subscriptions(place.settings).sources
    until, finish = replay.ends(place.settings.kafka, sources), datetime.now(UTC)
    with place.replay(until) as live, place.replay(until) as late:
        with _timed(f"{name}: there from the start", progress) as tell:
            live.as_live(finish=finish, tell=tell)
        with _timed(f"{name}: joins late, reads {', '.join(order or sources)}", progress) as tell:
            late.join_late(finish=finish, order=order, tell=tell)
        same = _show_digests(place, live, late, progress, show_rows=show_rows)
        _show_gained(place, live, late, progress)
    progress.say("[green]the same state[/]" if same else "[red]different states[/]")
    return 0 if same else 1


@contextmanager
def _timed(what: str, progress: Progress) -> Iterator[Callable[[int, int], None]]:
    started, most = time.monotonic(), 0
    with progress.counted(what) as spinner:

        def tell(done: int, total: int) -> None:
            nonlocal most
            most = done
            spinner(done, total)

        yield tell
    seconds = time.monotonic() - started
    progress.say(f"    {most:,} events in {seconds:.1f} s: {most / seconds:,.0f} a second, all that follows worked out")


def _show_digests(place: Place, live: Replay, late: Replay, progress: Progress, *, show_rows: bool) -> bool:
    """Table by table; gives whether all agree."""
    metadatas, left_out = place.block.metadatas, LEFT_OUT[place.block.name]
    with Session(live.service.engine) as one, Session(late.service.engine) as other:
        ours, theirs = (digest(session, metadatas, left_out) for session in (one, other))
        table = Table("table", "rows", "there from the start", "joined late", "")
        for name in ours:
            rows = other.scalar(text(f'SELECT count(*) FROM "{name}"'))  # noqa: S608
            verdict = "same" if ours[name] == theirs[name] else "DIFFERENT"
            table.add_row(name, f"{rows:,}", ours[name][:SHOWN], theirs[name][:SHOWN], verdict)
        progress.say(table)
        for each in left_out:
            what = ", ".join(each.columns) or each.rows or "all of it"
            progress.say(f"left out: {each.table} ({what}): {each.reason}")
        different = differing(one, other, metadatas, left_out) if show_rows else {}
    for name, (only_live, only_late) in different.items():
        progress.say(f"{name}\n  from the start {only_live}\n  late           {only_late}")
    return ours == theirs


def _show_gained(place: Place, live: Replay, late: Replay, progress: Progress) -> None:
    weeks = Weeks.of(late, place.block)
    weeks.look(datetime.now(UTC))
    [gained] = weeks.seen.values()
    progress.say("what it has gained: " + ", ".join(f"{name} {number:,}" for name, number in gained.items()))
    steps, words = live.outcome.facts.total(), late.outcome.facts.total()
    progress.say(f"facts that it would have said: {steps:,} from the start, one step after the other; {words:,} late")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
