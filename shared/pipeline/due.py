"""What is to be worked out anew: because something changed, or because its time comes.

A handler keeps facts as they are and marks what follows from them as due. A task of the worker takes what is due,
reads what is there now, and publishes what differs from what was published last. So a figure is always that of the
present rows, however they came, and a late or rebuilt block says only its last word: tasks wait until all that was in
the log at the beginning is read.

Nothing is lost between the two: every mark raises the key's version, and a task removes a key only at the version that
it saw before it read. So a change that commits while a task works on its key leaves the key due. One process at a time
works on a task, so two members of one customer are never combined at once. Marks are written after everything else of
a transaction but the heads of its streams, and tasks end in the same order, so that they don't wait for each other in
a circle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy import text

from shared.edge.db import as_json
from shared.events.envelope import Event
from shared.pipeline.work import DueMark, Work

_MARK = text("""
INSERT INTO due AS d (task, key, at, history, traceparent)
SELECT * FROM json_to_recordset(CAST(:rows AS json))
  AS m (task text, key text, at timestamptz, history boolean, traceparent text)
ORDER BY task, key
ON CONFLICT (task, key) DO UPDATE
SET at = least(d.at, excluded.at), history = d.history AND excluded.history, version = d.version + 1,
    traceparent = coalesce(excluded.traceparent, d.traceparent)
""")

_MARK_FOUND = """
INSERT INTO due AS d (task, key, at, history, traceparent)
SELECT :task, key, CAST(:now AS timestamptz), false, CAST(:traceparent AS text) FROM ({query}) AS m (key) ORDER BY key
ON CONFLICT (task, key) DO UPDATE SET version = d.version + 1, at = least(d.at, excluded.at), history = false,
    traceparent = coalesce(excluded.traceparent, d.traceparent)
"""


def mark(
    work: Work,
    task: str,
    keys: Iterable[str],
    *,
    at: datetime | None = None,
    history: bool = False,
    cause: Event | None = None,
) -> None:
    """These keys are to be worked out anew: now, or at an instant if that comes first. ``cause``: the event for which,
    where it isn't of the key's own stream."""
    when = at or work.now
    for key in keys:
        trace = cause.envelope.traceparent if cause else work.traces.of(key)
        if (before := work.due.get((task, key))) is None:
            work.due[task, key] = DueMark(when, history, trace)
        else:
            work.due[task, key] = DueMark(min(before.at, when), before.history and history, trace or before.traceparent)


def mark_found(work: Work, task: str, query: str) -> None:
    """The same, now, for all keys that a query finds, however many these are."""
    work.session.execute(
        text(_MARK_FOUND.format(query=query)), {"task": task, "now": work.now, "traceparent": work.traces.of()}
    )


def mark_of(work: Work, task: str, key_of: Callable[[Event], Iterable[str]], events: Iterable[Event]) -> None:
    """The same for the keys that events speak of: what only history speaks of is due as history."""
    for event in events:
        mark(work, task, key_of(event), history=not event.live, cause=event)


def write(work: Work) -> None:
    """Put the marks of a work into the database, after everything else that takes locks but the heads of streams."""
    if work.due:
        rows = [{"task": task, "key": key, **mark._asdict()} for (task, key), mark in work.due.items()]
        work.session.execute(_MARK, {"rows": as_json(rows)})
