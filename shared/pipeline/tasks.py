"""Tasks of the worker: what is marked as due is worked out anew (see due), each key once at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.edge import faults, metrics
from shared.edge.db import is_passing, may_repeat
from shared.edge.wakeup import Ear
from shared.pipeline.service import Service
from shared.pipeline.work import Work

log = structlog.get_logger(__name__)

MOST = 1_000
LOOK_SECONDS = 1.0
PUT_OFF = timedelta(minutes=1)
"""How long a key waits whose working out failed."""


@dataclass(frozen=True)
class Item:
    """One key that is due."""

    key: str
    at: datetime
    history: bool
    """Whether nothing but history made it due: then what follows is history too."""


@dataclass(frozen=True)
class Task:
    """How something is worked out. ``run`` is given items with different keys, and gives those that will be due
    again by time alone, with the instant."""

    name: str
    run: Callable[[Work, Sequence[Item]], Mapping[str, datetime]]
    slices: tuple[str, ...] = ()
    """Whose rows it reads: it waits until these have read the past. None named: all of the service's."""
    most: int = MOST
    """How many keys in one transaction."""


_TAKE = text("""
SELECT key, at, history, version FROM due WHERE task = :task AND at <= :now ORDER BY at, key LIMIT :most
""")
_DONE = text("""
DELETE FROM due USING unnest(CAST(:keys AS text[]), CAST(:versions AS bigint[])) AS d (key, version)
WHERE due.task = :task AND due.key = d.key AND due.version = d.version
""")
_AGAIN = text("""
UPDATE due SET at = n.at, history = false
FROM unnest(CAST(:keys AS text[]), CAST(:versions AS bigint[]), CAST(:ats AS timestamptz[])) AS n (key, version, at)
WHERE due.task = :task AND due.key = n.key AND due.version = n.version
""")
_CAUGHT_UP = text("""
SELECT NOT EXISTS (SELECT FROM consumer_offset
                   WHERE subscription = ANY (CAST(:names AS text[])) AND next_offset < replay_until)
""")


def caught_up(session: Session, subscriptions: Iterable[str]) -> bool:
    """Whether all that was in the log when these subscriptions began, or began anew, has been read."""
    return bool(session.scalar(_CAUGHT_UP, {"names": sorted(subscriptions)}))


def turn(work: Work, task: Task, subscriptions: Iterable[str], most: int) -> int:
    """Work out up to ``most`` keys that are due; gives how many there were. None while another process is at it, or
    while the past is still being read."""
    lock = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")
    if not work.session.scalar(lock, {"name": f"due/{task.name}"}) or not caught_up(work.session, subscriptions):
        return 0
    rows = work.session.execute(_TAKE, {"task": task.name, "now": work.now, "most": most}).all()
    if rows:
        again = task.run(work, [Item(row.key, row.at, row.history) for row in rows])
        _settle(work, task, {row.key: row.version for row in rows}, again)
    return len(rows)


def _settle(work: Work, task: Task, versions: Mapping[str, int], again: Mapping[str, datetime]) -> None:
    """What was marked again meanwhile stays due: its version is another one."""
    if unasked := again.keys() - versions.keys():
        raise ValueError(f"task {task.name} answered for keys that weren't asked: {sorted(unasked)[:3]}")
    done, later = sorted(versions.keys() - again.keys()), sorted(again)
    execute = work.session.execute
    execute(_DONE, {"task": task.name, "keys": done, "versions": [versions[key] for key in done]})
    if later:
        ats = [again[key] for key in later]
        execute(_AGAIN, {"task": task.name, "keys": later, "versions": [versions[k] for k in later], "ats": ats})


class Tasks:
    """Runs the tasks until ``stop`` is set."""

    def __init__(
        self, service: Service, tasks: Sequence[Task], through: Mapping[str, str], stop: threading.Event
    ) -> None:
        """``through``: by which subscription each slice moves."""
        self._service = service
        self._tasks = tasks
        self._through = through
        self._stop = stop

    def run(self) -> None:
        while not self._stop.is_set():
            try:
                with Ear(self._service.engine.url.render_as_string(hide_password=False)) as ear:
                    while not self._stop.is_set():
                        if not self.round():
                            ear.wait(LOOK_SECONDS)
            except Exception as error:
                passing = isinstance(error, psycopg.Error | faults.FaultRaised)
                if not (passing or is_passing(error) or may_repeat(error)):
                    raise
                log.warning("tasks.interrupted", error=type(error).__name__)
                self._stop.wait(LOOK_SECONDS)

    def round(self) -> int:
        """Give every task one turn; gives how many keys were worked out."""
        return sum(self._turn(task, task.most) for task in self._tasks if not self._stop.is_set())

    def _turn(self, task: Task, most: int) -> int:
        def body(work: Work) -> int:
            return turn(work, task, {self._through[name] for name in task.slices or self._through}, most)

        try:
            return self._service.transact(self._service.itself, body, point="due.commit")
        except Exception as error:
            if isinstance(error, faults.FaultRaised) or is_passing(error) or may_repeat(error):
                raise
            if most == 1:
                log.exception("tasks.failed", task=task.name)
                return self._put_off(task)
            # One key must not keep the others from being worked out: each alone, until the bad one is found.
            return sum(self._turn(task, 1) for _ in range(most) if self._waiting(task))

    def _put_off(self, task: Task) -> int:
        def body(work: Work) -> int:
            rows = work.session.execute(_TAKE, {"task": task.name, "now": work.now, "most": 1}).all()
            _settle(work, task, {r.key: r.version for r in rows}, {r.key: work.now + PUT_OFF for r in rows})
            return len(rows)

        metrics.DUE_FAILED.labels(task.name).inc()
        return self._service.transact(self._service.itself, body, point="due.commit")

    def _waiting(self, task: Task) -> bool:
        with Session(self._service.engine) as session:
            values = {"task": task.name, "now": self._service.clock()}
            return bool(
                session.scalar(text("SELECT EXISTS (SELECT FROM due WHERE task = :task AND at <= :now)"), values)
            )


def waiting(session: Session, now: datetime) -> dict[str, int]:
    """How many keys of each task are due."""
    rows = session.execute(text("SELECT task, count(*) FROM due WHERE at <= :now GROUP BY task"), {"now": now})
    return dict(map(tuple, rows))
