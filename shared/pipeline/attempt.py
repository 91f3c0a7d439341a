"""Runs slices over events; finds the events that can't be handled, and has all others handled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from shared.edge.db import is_passing, may_repeat
from shared.edge.faults import FaultRaised
from shared.events.envelope import Event
from shared.pipeline.grouping import group
from shared.pipeline.subscriptions import Handler, Slice
from shared.pipeline.work import Work

Place = tuple[str, str]


class Unsound(Exception):
    """Something can't be handled; what is at fault was not looked for. The transaction has to be rolled back."""


@dataclass(frozen=True)
class Bad:
    """The first event of a stream that can't be handled, and why."""

    event: Event
    reason: str


def handle(work: Work, slices: Sequence[Slice], events: Sequence[Event]) -> None:
    """Handle all events, in the hope that none is bad: without a savepoint. Raises ``Unsound`` when one is, and an
    error of the moment as ``attempt`` does."""
    if events and _failure(work, slices, events) is not None:
        raise Unsound


def attempt(work: Work, slices: Sequence[Slice], events: Sequence[Event]) -> dict[Place, Bad]:
    """Handle all events but bad ones and what follows these in their streams; gives the bad ones.

    What a handler rejects is left out at the next try. An error that names no event halves the events, under
    savepoints, until it stands alone. An error of the moment (a lost connection) is raised: nobody is to blame.
    """
    bad: dict[Place, Bad] = {}
    todo = [list(events)]
    while todo:
        part = [e for e in todo.pop() if not _follows_bad(e, bad)]
        if not part:
            continue
        failure = _try(work, slices, part)
        if failure is None:
            continue
        if isinstance(failure, list):
            for found in failure:
                _keep_first(bad, found)
            todo.append(part)
        elif len(part) == 1:
            _keep_first(bad, Bad(part[0], failure))
        else:
            middle = len(part) // 2
            todo += [part[middle:], part[:middle]]
    return bad


def _follows_bad(event: Event, bad: dict[Place, Bad]) -> bool:
    first = bad.get((event.source, event.stream))
    return first is not None and event.sequence >= first.event.sequence


def _keep_first(bad: dict[Place, Bad], found: Bad) -> None:
    place = (found.event.source, found.event.stream)
    if place not in bad or found.event.sequence < bad[place].event.sequence:
        bad[place] = found


def _try(work: Work, slices: Sequence[Slice], events: Sequence[Event]) -> str | list[Bad] | None:
    """None when all went well, else the rejections, else what kind of error it was; then nothing was done."""
    mark = work.mark()
    savepoint = work.session.begin_nested()
    failure = _failure(work, slices, events)
    if failure is None:
        savepoint.commit()
        return None
    savepoint.rollback()
    work.rewind(mark)
    work.rejected.clear()
    return failure


def _failure(work: Work, slices: Sequence[Slice], events: Sequence[Event]) -> str | list[Bad] | None:
    """The same, with what was done until then still there."""
    try:
        for each in slices:
            _run(work, each, events)
    except Exception as error:
        if isinstance(error, FaultRaised) or is_passing(error) or may_repeat(error):
            raise
        return kind_of(error)
    return [Bad(r.event, r.reason) for r in work.rejected] or None


def _run(work: Work, each: Slice, events: Sequence[Event]) -> None:
    handlers = {event_type: each.handler_of(event_type) for event_type in {event.envelope.type for event in events}}
    if None in handlers.values():
        events = [event for event in events if handlers[event.envelope.type] is not None]
    handler_of: Callable[[Event], Handler | None] = lambda event: handlers[event.envelope.type]  # noqa: E731
    wanted = {handler for handler in handlers.values() if handler is not None}
    if len(wanted) == 1:
        work.traces.after(events)
        wanted.pop()(work, list(events))
        return
    for handler, part in group(events, handler_of, lambda event: (event.source, event.stream)):
        work.traces.after(part)
        handler(work, part)


def kind_of(error: Exception) -> str:
    """What kind of error it is, and where: never its text, which may quote what a person wrote."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}" if trace else ""
    cause = type(error.orig).__name__ if isinstance(error, DBAPIError) else type(error).__name__
    return f"{cause}{where}"
