"""``python -m services.sync verify``: does the timeline have every event that was told of, and does the log?"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping

from confluent_kafka import KafkaException
from sqlalchemy.exc import SQLAlchemyError

from services.sync.verification.compare import Comparison, Findings
from services.sync.verification.rules import Fate, Place, shown
from shared.edge.settings import Settings
from shared.pipeline.main import Command
from shared.pipeline.reading import ReadTimedOut
from shared.pipeline.service import Service
from shared.pipeline.subscriptions import Subscriptions

MOST_SHOWN = 10
"""Streams that are named of each kind; the others are counted."""
TELL_SECONDS = 2.0


def command(subscriptions: Callable[[Settings], Subscriptions]) -> Command:
    """The command of this service."""

    def run(settings: Settings, arguments: argparse.Namespace) -> int:
        service = Service.of(settings, process="verify", pool_size=2)
        try:
            comparison = Comparison(service, subscriptions(settings), heal=arguments.heal, tell=Teller())
            return report(comparison.run(whole_log=arguments.log))
        except (KafkaException, ReadTimedOut) as error:
            print(f"Kafka doesn't answer: {type(error).__name__}", file=sys.stderr)
        except SQLAlchemyError as error:
            print(f"The database of {service.name} doesn't answer: {type(error).__name__}", file=sys.stderr)
        finally:
            service.wakeup.close()
            service.engine.dispose()
        return 1

    def arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--heal", action="store_true", help="put back what is missing here and still in the log")
        parser.add_argument("--log", action="store_true", help="read the log also if nothing is missing here")

    text = "compare, stream by stream, what services say that they published with the timeline and the log"
    return Command("verify", text, run, arguments)


class Teller:
    """Says from time to time how far a long work is."""

    def __init__(self) -> None:
        self._due = time.monotonic() + TELL_SECONDS

    def __call__(self, what: str, done: int, total: int) -> None:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + TELL_SECONDS
            print(f"{what}: {done:,} of {total:,}", file=sys.stderr, flush=True)


def report(findings: Findings) -> int:
    """Print what was found; gives the exit status: 0 when all agree."""
    print(f"{'':14}{'streams':>10}{'events':>12}{'not told yet':>14}{'not read yet':>14}")
    for source, of in sorted(findings.sources.items()):
        print(f"{source:14}{of.streams:>10,}{of.events:>12,}{of.untold:>14,}{of.unread:>14,}")
    for problem in findings.log_problems:
        print(problem)
    for fate in Fate:
        if places := findings.fates.get(fate):
            _print_places(fate, places, healed=findings.healing and fate is Fate.MISSING)
    if findings.healing and findings.healed:
        print(f"{findings.healed:,} events put back into the timeline")
    if findings.unkept:
        done = f"healed with {findings.handed:,} events" if findings.healing else "will heal"
        print(f"customers' records and definitions not kept though heard, {done}: {len(findings.unkept):,}")
        _print_lines([f"  {stream}" for stream in findings.unkept])
    for stream in findings.unhealed:
        print(f"can't be healed (a key is missing, or its events can't be read): {stream}")
    if findings.is_sound:
        print("all agree")
        return 0
    if not findings.healing and findings.can_heal:
        print("nothing was changed; run it again with --heal")
    return 1


def _print_places(fate: Fate, places: Mapping[Place, list[int]], *, healed: bool) -> None:
    count = sum(map(len, places.values()))
    how = ": healed" if healed else ": will heal" if fate is Fate.MISSING else ""
    print(f"{fate.value}{how}: {count:,} events in {len(places):,} streams")
    _print_lines([f"  {source}\t{stream}\t{shown(n)}" for (source, stream), n in sorted(places.items())])


def _print_lines(lines: list[str]) -> None:
    print("\n".join(lines[:MOST_SHOWN]))
    if len(lines) > MOST_SHOWN:
        print(f"  … and {len(lines) - MOST_SHOWN:,} more")
