"""Halving and rejection find exactly the events that can't be handled; all others are handled once, in order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from shared.edge.actor import Actor
from shared.edge.faults import FaultRaised
from shared.events.envelope import Envelope, Event
from shared.pipeline.attempt import Unsound, attempt, handle
from shared.pipeline.subscriptions import EVERYTHING, Slice
from shared.pipeline.work import Work
from tests.unit.pipeline.ids import uuid7_at

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Rows:
    """Stands for a database with one table: what is written after a savepoint goes with its rollback."""

    def __init__(self) -> None:
        self.written: list[tuple[str, int]] = []

    def begin_nested(self) -> Savepoint:
        return Savepoint(self, len(self.written))


class Savepoint:
    def __init__(self, rows: Rows, length: int) -> None:
        self._rows, self._length = rows, length

    def commit(self) -> None:
        pass

    def rollback(self) -> None:
        del self._rows.written[self._length :]


def event(stream: int, sequence: int) -> Event:
    return Event(
        Envelope(
            specversion="1.0",
            id=uuid7_at(sequence, stream),
            source="other",
            type="contact.wrapped_up",
            subject=f"customer/{stream}",
            time=NOW,
            recordedtime=NOW,
            dataschema="urn:crm:contact.wrapped_up:1",
            digits=f"{sequence:010d}",
        )
    )


@st.composite
def batches(draw: st.DrawFn) -> list[Event]:
    heads: dict[int, int] = {}
    events = []
    for stream in draw(st.lists(st.integers(0, 5), max_size=40)):
        heads[stream] = heads.get(stream, 0) + 1
        events.append(event(stream, heads[stream]))
    return events


def run(events: Sequence[Event], slices: Sequence[Slice]) -> tuple[set[tuple[str, int]], list[tuple[str, int]], Work]:
    rows = Rows()
    work = Work(cast(Session, rows), "hearer", Actor("service"), NOW)
    bad = attempt(work, slices, events)
    return {(b.event.stream, b.event.sequence) for b in bad.values()}, rows.written, work


def writing(work: Work, events: list[Event]) -> None:
    cast(Rows, work.session).written.extend((e.stream, e.sequence) for e in events)


@given(batches(), st.sets(st.tuples(st.integers(0, 5), st.integers(1, 8))), st.booleans())
def test_the_first_bad_event_of_each_stream_is_found_and_all_before_it_are_handled_once(
    events: list[Event], poison: set[tuple[int, int]], by_rejecting: bool
) -> None:
    bad = {(f"customer/{stream}", sequence) for stream, sequence in poison}

    def handler(work: Work, part: list[Event]) -> None:
        for each in part:
            if (each.stream, each.sequence) in bad and by_rejecting:
                work.reject(each, "of no use")
            elif (each.stream, each.sequence) in bad:
                raise RuntimeError("of no use")
            else:
                writing(work, [each])
        work.touch(*(f"{e.stream}/{e.sequence}" for e in part))

    found, written, work = run(events, [Slice("s", {EVERYTHING: handler})])
    firsts: dict[str, int] = {}
    for e in events:
        if (e.stream, e.sequence) in bad:
            firsts.setdefault(e.stream, e.sequence)
    assert found == set(firsts.items())
    wanted = [(e.stream, e.sequence) for e in events if e.sequence < firsts.get(e.stream, 99)]
    assert sorted(written) == sorted(wanted)
    assert all(_rising([n for of, n in written if of == stream]) for stream, _ in wanted)
    assert work.touched == {f"{stream}/{sequence}" for stream, sequence in wanted}
    assert not work.rejected


def test_when_one_slice_fails_at_an_event_no_slice_has_handled_it() -> None:
    def refusing(work: Work, part: list[Event]) -> None:
        if any(e.sequence == 2 for e in part):
            raise ValueError("no")

    slices = [Slice("writes", {EVERYTHING: writing}), Slice("refuses", {EVERYTHING: refusing})]
    found, written, _ = run([event(1, 1), event(1, 2), event(2, 1)], slices)
    assert found == {("customer/1", 2)}
    assert sorted(written) == [("customer/1", 1), ("customer/2", 1)]


@pytest.mark.parametrize(
    "error", [FaultRaised("point"), OperationalError("", {}, psycopg.errors.AdminShutdown("the server stops"))]
)
def test_an_error_of_the_moment_blames_no_event(error: Exception) -> None:
    def failing(work: Work, part: list[Event]) -> None:
        raise error

    with pytest.raises(type(error)):
        run([event(1, 1), event(2, 1)], [Slice("s", {EVERYTHING: failing})])


def test_without_savepoints_what_is_bad_is_told_but_not_looked_for() -> None:
    def rejecting(work: Work, part: list[Event]) -> None:
        work.reject(part[0], "of no use")

    def raising(work: Work, part: list[Event]) -> None:
        raise RuntimeError("of no use")

    def lost(work: Work, part: list[Event]) -> None:
        raise FaultRaised("point")

    for handler, error in ((rejecting, Unsound), (raising, Unsound), (lost, FaultRaised)):
        with pytest.raises(error):
            handle(_work(), [Slice("s", {EVERYTHING: handler})], [event(1, 1)])
    work = _work()
    handle(work, [Slice("s", {EVERYTHING: writing})], [event(1, 1), event(2, 1)])
    assert cast(Rows, work.session).written == [("customer/1", 1), ("customer/2", 1)]


def _work() -> Work:
    return Work(cast(Session, Rows()), "hearer", Actor("service"), NOW)


def test_the_reason_names_the_kind_of_error_and_never_quotes_it() -> None:
    def failing(work: Work, part: list[Event]) -> None:
        raise RuntimeError("canary: what a person wrote")

    rows = Rows()
    bad = attempt(
        Work(cast(Session, rows), "hearer", Actor("service"), NOW), [Slice("s", {EVERYTHING: failing})], [event(1, 1)]
    )
    (found,) = bad.values()
    assert "RuntimeError" in found.reason
    assert "canary" not in found.reason


def _rising(numbers: list[int]) -> bool:
    return numbers == sorted(set(numbers))
