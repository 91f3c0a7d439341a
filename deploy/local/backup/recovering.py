"""Brings every service's database and the log together after a restore, and says what is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from deploy.local import environment, layout
from deploy.local.backing import Backing
from deploy.local.layout import Layout
from deploy.local.problems import Problem
from deploy.local.progress import Progress

MOST_TYPES = 6


@dataclass
class Outcome:
    """What ``recover`` of one service said."""

    service: str
    code: int
    missing: Counter[str] = field(default_factory=Counter)
    """Own events that its database doesn't have, by type."""
    lost: int = 0
    """Own events that the log doesn't have."""
    other: list[str] = field(default_factory=list)


def recover(place: Layout, backing: Backing, progress: Progress, options: Sequence[str]) -> None:
    """Run ``recover`` of every service, beside the servers alone. Raises ``Problem`` when one refuses."""
    refused = []
    for service in layout.services():
        with progress.step(f"{service}: log and database compared"):
            outcome = _of(place, backing, service, options)
        _tell(outcome, progress)
        if outcome.code:
            refused.append(service)
    progress.say(f"\n  Each event by its id: {place.logs}/<service>-recover.log")
    if refused and "--accept-loss" not in options:
        raise Problem(
            f"{', '.join(refused)}: the log lacks events that the databases know. If there's no better copy of it, "
            "go on without them:\n.venv/bin/python -m deploy.local recover --apply --accept-loss"
        )
    if refused:
        raise Problem(f"{', '.join(refused)} couldn't be recovered: see above.")
    if "--apply" in options:
        progress.say("  Next: make run, and beside it: make verify HEAL=yes")
    else:
        progress.say("  Nothing was changed. Next: .venv/bin/python -m deploy.local recover --apply")


def _of(place: Layout, backing: Backing, service: str, options: Sequence[str]) -> Outcome:
    told = environment.of_service(place, backing, service, "recover")
    command = [sys.executable, "-m", f"services.{service}", "recover", *options]
    done = subprocess.run(
        command, cwd=layout.ROOT, env={**os.environ, **told}, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    place.logs.mkdir(parents=True, exist_ok=True)
    (place.logs / f"{service}-recover.log").write_text(done.stdout + done.stderr)
    return read(service, done.returncode, done.stdout + done.stderr)


def read(service: str, code: int, said: str) -> Outcome:
    """Sum up what the command printed, which has a line an event."""
    found = Outcome(service, code)
    for line in said.splitlines():
        kind, *columns = line.split("\t")
        if kind == "missing here":
            found.missing[columns[2]] += 1
        elif kind == "lost by the log":
            found.lost += len(columns[1].split(", "))
        elif line and not line.startswith(("nothing was changed", "{")):
            found.other.append(line)
    return found


def _tell(outcome: Outcome, progress: Progress) -> None:
    if count := outcome.missing.total():
        kinds = [f"{kind} {number}" for kind, number in outcome.missing.most_common(MOST_TYPES)]
        more = ["…"] if len(outcome.missing) > MOST_TYPES else []
        progress.say(f"      {count} of its events aren't in its database: {', '.join([*kinds, *more])}")
    if outcome.lost:
        progress.say(f"      {outcome.lost} of its events aren't in the log any more")
    for line in outcome.other:
        progress.say(f"      {line}")
