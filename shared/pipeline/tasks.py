"""Tasks of the worker: what is marked as due is worked out anew (see due), each key once at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import starmap
from typing import NamedTuple

import psycopg
import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.edge import faults, health, metrics, tracing
from shared.edge.db import as_json, is_passing, may_repeat, text_array
from shared.edge.wakeup import Ear
from shared.pipeline.attempt import kind_of
from shared.pipeline.service import Service
from shared.pipeline.work import Work

log = structlog.get_logger(__name__)

MOST = 1_000
LOOK_SECONDS = 1.0
GATHER_SECONDS = 0.03
"""What changes so soon after a round is gathered for the next: it costs nearly the same for one key as for many, and
what is said of a key that changes several times is said once."""
PUT_OFF = timedelta(minutes=1)
"""How long a key waits whose working out failed."""


class Item(NamedTuple):
    """One key that is due."""

    key: str
    at: datetime
    history: bool
    """Whether nothing but history made it due: then what follows is history too."""
    version: int = 0
    """How often it was marked when it was taken."""
    traceparent: str | None = None
    """Of whatever marked it last; none when only time makes it due."""


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
    waits: bool = True
    """Whether it waits at all: not what is right whatever else the past will say."""


_WAITING = text("""
SELECT name FROM unnest(CAST(:tasks AS text[])) AS t (name)
WHERE EXISTS (SELECT FROM due WHERE due.task = t.name AND due.at <= :now)
""")
_TAKE = text("""
SELECT key, at, history, version, traceparent FROM due WHERE task = :task AND at <= :now ORDER BY at, key LIMIT :most
""")
# In the order in which marks lock them: an update or delete of several rows keeps none.
_LOCK = text("SELECT FROM due WHERE task = :task AND key = ANY (CAST(:keys AS text[])) ORDER BY key FOR UPDATE")
_DONE = text("""
DELETE FROM due USING json_to_recordset(CAST(:rows AS json)) AS d (key text, version bigint)
WHERE due.task = :task AND due.key = d.key AND due.version = d.version
""")
_AGAIN = text("""
UPDATE due SET at = n.at, history = false, traceparent = NULL
FROM json_to_recordset(CAST(:rows AS json)) AS n (key text, version bigint, at timestamptz)
WHERE due.task = :task AND due.key = n.key AND due.version = n.version
""")
_PUT_OFF = text("UPDATE due SET at = :at WHERE task = :task AND key = :key AND version = :version")
_CAUGHT_UP = text("""
SELECT NOT EXISTS (SELECT FROM consumer_offset
                   WHERE subscription = ANY (CAST(:names AS text[])) AND next_offset < replay_until)
""")


def caught_up(session: Session, subscriptions: Iterable[str]) -> bool:
    """Whether all that was in the log when these subscriptions began, or began anew, has been read."""
    return bool(session.scalar(_CAUGHT_UP, {"names": sorted(subscriptions)}))


def take(work: Work, task: Task, subscriptions: Iterable[str], most: int) -> list[Item]:
    """Up to ``most`` keys that are due. None while another process is at this task, till the end of its transaction,
    or while the past is still being read."""
    lock = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")
    if not work.session.scalar(lock, {"name": f"due/{task.name}"}) or not caught_up(work.session, subscriptions):
        return []
    rows = work.session.execute(_TAKE, {"task": task.name, "now": work.now, "most": most})
    return list(starmap(Item, rows.all()))


def work_out(work: Work, task: Task, items: Sequence[Item]) -> None:
    """Work out what was taken. What was marked again meanwhile stays due: its version is another one."""
    work.traces.after_keys({item.key: item.traceparent for item in items})
    again = task.run(work, items)
    versions = {item.key: item.version for item in items}
    if unasked := again.keys() - versions.keys():
        raise ValueError(f"task {task.name} answered for keys that weren't asked: {sorted(unasked)[:3]}")
    execute = work.session.execute
    execute(_LOCK, {"task": task.name, "keys": text_array(versions)})
    if done := [{"key": key, "version": version} for key, version in versions.items() if key not in again]:
        execute(_DONE, {"task": task.name, "rows": as_json(done)})
    if later := [{"key": key, "version": versions[key], "at": at} for key, at in again.items()]:
        execute(_AGAIN, {"task": task.name, "rows": as_json(later)})


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
            health.alive()
            try:
                with Ear(self._service.engine.url.render_as_string(hide_password=False)) as ear:
                    while not self._stop.is_set():
                        health.alive()
                        worked = self.round()
                        if not worked:
                            ear.wait(LOOK_SECONDS)
                        elif worked < MOST:
                            self._stop.wait(GATHER_SECONDS)
            except Exception as error:
                if not (isinstance(error, psycopg.Error) or _passes_by_itself(error)):
                    raise
                log.warning("tasks.interrupted", error=type(error).__name__)
                self._stop.wait(LOOK_SECONDS)

    def round(self) -> int:
        """Give every task one turn for which something is due; gives how many keys were worked out."""
        due = self._waiting(self._tasks)
        return sum(self._turn(task, task.most) for task in self._tasks if task.name in due and not self._stop.is_set())

    def _turn(self, task: Task, most: int) -> int:
        taken: list[Item] = []

        def body(work: Work) -> int:
            slices = (task.slices or self._through) if task.waits else ()
            taken[:] = take(work, task, {self._through[name] for name in slices}, most)
            if taken:
                work_out(work, task, taken)
            return len(taken)

        try:
            done = self._service.transact(self._service.itself, body, point="due.commit")
            metrics.DUE_DONE.labels(task.name).inc(done)
            return done
        except Exception as error:
            if _passes_by_itself(error) or not taken:
                raise
            if len(taken) == 1:
                with tracing.following(taken[0].traceparent):
                    log.error("tasks.failed", task=task.name, error=kind_of(error))
                return self._put_off(task, taken[0])
            # One key must not keep the others from being worked out: each alone, until the bad one is found.
            return sum(self._turn(task, 1) for _ in taken if self._waiting([task]) and not self._stop.is_set())

    def _put_off(self, task: Task, item: Item) -> int:
        """The bad key waits, unless it was marked again meanwhile: that may have mended it."""
        metrics.DUE_FAILED.labels(task.name).inc()
        later = {"task": task.name, "key": item.key, "version": item.version, "at": self._service.clock() + PUT_OFF}
        self._service.transact(
            self._service.itself, lambda work: work.session.execute(_PUT_OFF, later), point="due.commit"
        )
        return 1

    def _waiting(self, tasks: Sequence[Task]) -> set[str]:
        """The tasks for which something is due."""
        with Session(self._service.engine) as session:
            values = {"tasks": [task.name for task in tasks], "now": self._service.clock()}
            return set(session.scalars(_WAITING, values))


def _passes_by_itself(error: Exception) -> bool:
    return isinstance(error, faults.FaultRaised) or is_passing(error) or may_repeat(error)


def waiting(session: Session, now: datetime) -> dict[str, int]:
    """How many keys of each task are due."""
    rows = session.execute(text("SELECT task, count(*) FROM due WHERE at <= :now GROUP BY task"), {"now": now})
    return dict(map(tuple, rows))
