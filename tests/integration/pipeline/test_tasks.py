"""What is due is worked out from the present rows: nothing is lost, no key waits for a bad one, the past is first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from shared.edge import faults
from shared.events.callcenter import ContactWrappedUp
from shared.events.envelope import Event
from shared.pipeline import due, offsets, rebuild
from shared.pipeline.attempt import attempt
from shared.pipeline.service import Service
from shared.pipeline.subscriptions import Slice
from shared.pipeline.tables import due as due_table
from shared.pipeline.tasks import PUT_OFF, Item, Task, Tasks, waiting
from shared.pipeline.work import Work
from tests.builders import NOON, SetClock, heard
from tests.integration.pipeline.running import worker, working
from tests.probe import ANNA, RECORD, Pair, new_member, publish, seen, until, wrapped_up

TASK = "notes"
HOUR = timedelta(hours=1)


def nothing() -> None:
    pass


@dataclass
class Desk:
    """A service with a note by key, and a task that works out (here: copies) the notes of what is due."""

    service: Service
    clock: SetClock
    worked_out: dict[str, str] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    again: dict[str, datetime] = field(default_factory=dict)
    """Which keys are due again by time alone."""
    after_reading: Callable[[], None] = nothing
    bad: set[str] = field(default_factory=set)
    slices: tuple[str, ...] = ()

    def tasks(self, **through: str) -> Tasks:
        """The tasks of one worker process."""
        return Tasks(
            self.service, [Task(TASK, self.run, self.slices)], through or {"record": "main"}, threading.Event()
        )

    def run(self, work: Work, items: Sequence[Item]) -> Mapping[str, datetime]:
        keys = [item.key for item in items]
        rows = work.session.execute(select(seen.c.stream, seen.c.note).where(seen.c.stream.in_(keys))).all()
        self.after_reading()
        if self.bad & set(keys):
            raise ArithmeticError("bad")
        self.worked_out |= dict(map(tuple, rows))
        self.items += items
        return {key: at for key, at in self.again.items() if key in keys}

    def change(self, key: str, note: str) -> None:
        """A command that changes the key's row and marks it."""
        self.service.transact(ANNA, lambda work: self.write(work, key, note))

    def write(self, work: Work, key: str, note: str) -> None:
        if not work.session.execute(update(seen).where(seen.c.stream == key).values(note=note)).rowcount:  # type: ignore[attr-defined]
            work.session.execute(insert(seen).values(source="s", stream=key, sequence=1, event_id="e", note=note))
        due.mark(work, TASK, [key])

    def mark(self, *keys: str, at: datetime | None = None, history: bool = False) -> None:
        self.service.transact(ANNA, lambda work: due.mark(work, TASK, keys, at=at, history=history))

    def due(self) -> dict[str, datetime]:
        with Session(self.service.engine) as session:
            return dict(map(tuple, session.execute(select(due_table.c.key, due_table.c.at))))


@pytest.fixture
def desk(offline: Pair) -> Desk:
    clock = SetClock()
    return Desk(replace(offline.hearer, clock=clock), clock)


def in_thread(action: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    return thread


def test_what_is_marked_is_worked_out_once(desk: Desk) -> None:
    desk.change("a", "one")
    desk.change("b", "two")
    assert desk.tasks().round() == 2
    assert desk.worked_out == {"a": "one", "b": "two"}
    assert desk.tasks().round() == 0
    assert desk.due() == {}


def test_a_change_that_commits_while_its_key_is_worked_out_is_not_lost(desk: Desk) -> None:
    desk.change("a", "one")
    desk.after_reading = lambda: desk.change("a", "two")
    assert desk.tasks().round() == 1
    assert desk.worked_out == {"a": "one"}
    desk.after_reading = nothing
    assert desk.tasks().round() == 1
    assert desk.worked_out == {"a": "two"}
    assert desk.due() == {}


def test_a_change_that_is_under_way_while_its_key_is_worked_out_is_not_lost(desk: Desk) -> None:
    desk.change("a", "one")
    with Session(desk.service.engine) as session:
        work = Work(session, desk.service.name, ANNA, desk.clock())
        desk.write(work, "a", "two")
        due.write(work)
        turn = in_thread(desk.tasks().round)
        until(lambda: waits_for_a_lock(desk.service))
        session.commit()
    turn.join(20)
    assert desk.worked_out == {"a": "one"}
    assert desk.tasks().round() == 1
    assert desk.worked_out == {"a": "two"}


def waits_for_a_lock(service: Service) -> bool:
    asked = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with Session(service.engine) as session:
        return bool(session.scalar(asked))


def test_many_changes_while_tasks_run_end_in_the_newest_of_each(desk: Desk) -> None:
    keys = [f"key-{n}" for n in range(5)]
    stop = threading.Event()

    def work_on() -> None:
        tasks = desk.tasks()
        while not stop.is_set() or desk.due():
            tasks.round()

    def write(key: str) -> None:
        for n in range(20):
            desk.change(key, str(n))

    threads = [in_thread(work_on), in_thread(work_on)]
    writers = [in_thread(partial(write, key)) for key in keys]
    for thread in writers:
        thread.join(20)
    stop.set()
    for thread in threads:
        thread.join(20)
    assert desk.worked_out == dict.fromkeys(keys, "19")


def test_one_process_at_a_time_works_on_a_task(desk: Desk) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def linger() -> None:
        inside.set()
        go_on.wait(20)

    desk.after_reading = linger
    desk.mark("a", "b")
    first = in_thread(desk.tasks().round)
    assert inside.wait(20)
    assert desk.tasks().round() == 0
    go_on.set()
    first.join(20)
    assert [item.key for item in desk.items] == ["a", "b"]
    desk.mark("c")
    assert desk.tasks().round() == 1


def test_a_bad_key_is_put_off_alone(desk: Desk) -> None:
    desk.bad = {"b"}
    desk.mark("a", "c")
    desk.mark("b", history=True)
    assert desk.tasks().round() == 3
    assert sorted(item.key for item in desk.items) == ["a", "c"]
    assert desk.due() == {"b": NOON + PUT_OFF}
    assert desk.tasks().round() == 0
    desk.bad.clear()
    desk.clock.forward(seconds=PUT_OFF.total_seconds())
    assert desk.tasks().round() == 1
    assert (desk.items[-1].key, desk.items[-1].history) == ("b", True)


def test_a_bad_key_that_was_marked_meanwhile_is_tried_again_at_once(desk: Desk) -> None:
    desk.bad = {"a"}
    desk.mark("a")
    desk.after_reading = lambda: desk.change("a", "mended") if desk.worked_out else None
    desk.worked_out["other"] = ""
    assert desk.tasks().round() == 1
    assert desk.due() == {"a": NOON}


def test_an_error_of_the_moment_puts_nothing_off(desk: Desk) -> None:
    desk.mark("a")
    faults.arm("due.commit", "raise-before")
    try:
        with pytest.raises(faults.FaultRaised):
            desk.tasks().round()
    finally:
        faults.disarm()
    assert desk.due() == {"a": NOON}
    assert desk.tasks().round() == 1


def test_a_key_is_due_again_when_its_time_comes_or_something_changes(desk: Desk) -> None:
    desk.again = {"a": NOON + HOUR}
    desk.mark("a", history=True)
    tasks = desk.tasks()
    assert tasks.round() == 1
    assert desk.due() == {"a": NOON + HOUR}
    assert tasks.round() == 0
    desk.clock.forward(minutes=30)
    desk.mark("a")
    assert tasks.round() == 1
    desk.clock.forward(minutes=30)
    desk.again = {}
    assert tasks.round() == 1
    assert [item.history for item in desk.items] == [True, False, False]
    assert desk.due() == {}


def test_a_later_instant_doesn_t_put_off_an_earlier_one(desk: Desk) -> None:
    desk.mark("a", "b", at=NOON + HOUR)
    desk.mark("a", at=NOON + 2 * HOUR)
    desk.mark("b")
    assert desk.due() == {"a": NOON + HOUR, "b": NOON}
    with Session(desk.service.engine) as session:
        assert waiting(session, NOON) == {TASK: 1}


def test_nothing_is_worked_out_before_the_past_is_read(desk: Desk) -> None:
    place = ("callcenter.events", 0)

    def at(offset: int) -> None:
        desk.service.transact(
            ANNA, lambda work: offsets.advance(work.session, "main", {place: now[0]}, {place: offset})
        )
        now[0] = offset

    now = [0]
    desk.mark("a")
    desk.service.transact(ANNA, lambda work: offsets.start(work.session, "main", {place: 5}, history=True))
    assert desk.tasks().round() == 0
    at(4)
    assert desk.tasks().round() == 0
    assert desk.tasks(other="late").round() == 1  # its rows come through another subscription
    desk.mark("a")
    at(5)
    assert desk.tasks().round() == 1
    at(9)
    desk.mark("a")
    desk.service.transact(ANNA, lambda work: rebuild.rebuild(work, "main", [RECORD]))
    now[0] = 0
    at(8)
    assert desk.tasks().round() == 0
    at(9)
    assert desk.tasks().round() == 1


def test_a_task_waits_only_for_the_slices_that_it_reads(desk: Desk) -> None:
    desk.slices = ("record",)
    behind = {("callcenter.events", 0): 5}
    desk.service.transact(ANNA, lambda work: offsets.start(work.session, "late", behind, history=True))
    desk.mark("a")
    assert desk.tasks(record="main", other="late").round() == 1
    desk.slices = ()
    desk.mark("a")
    assert desk.tasks(record="main", other="late").round() == 0


def test_what_only_history_speaks_of_is_due_as_history(desk: Desk) -> None:
    def event(key: str, *, live: bool) -> Event:
        return Event(heard(key, wrapped_up()).envelope, wrapped_up(), live)

    def body(work: Work) -> None:
        events = [event("past", live=False), event("both", live=False), event("both", live=True)]
        due.mark_of(work, TASK, lambda e: [e.stream], events)

    desk.service.transact(ANNA, body)
    desk.mark("customer/past", history=True)
    desk.tasks().round()
    assert {item.key: item.history for item in desk.items} == {"customer/past": True, "customer/both": False}
    desk.mark("customer/past", history=True)
    desk.mark("customer/past")
    desk.tasks().round()
    assert not desk.items[-1].history


def test_marks_of_what_was_rolled_back_are_forgotten(desk: Desk) -> None:
    def handle(work: Work, events: list[Event]) -> None:
        due.mark_of(work, TASK, lambda e: [e.stream], events)
        if any(isinstance(e.fact, ContactWrappedUp) and e.fact.note == "poison" for e in events):
            raise ArithmeticError("poison")

    events = [heard("good", wrapped_up("x")), heard("bad", wrapped_up("poison"))]
    slices = [Slice("record", {"contact.wrapped_up": handle})]
    bad = desk.service.transact(ANNA, lambda work: attempt(work, slices, events))
    assert [stream for _, stream in bad] == ["customer/bad"]
    assert desk.due() == {"customer/good": NOON}


def test_an_answer_for_a_key_that_wasn_t_asked_is_refused(desk: Desk) -> None:
    desk.mark("a")
    task = Task(TASK, lambda work, items: {"b": NOON})
    Tasks(desk.service, [task], {"record": "main"}, threading.Event()).round()
    assert desk.due() == {"a": NOON + PUT_OFF}


def test_a_commit_wakes_the_tasks(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.pipeline.tasks.LOOK_SECONDS", 30.0)
    stop = threading.Event()
    tasks = Tasks(desk.service, [Task(TASK, desk.run)], {"record": "main"}, stop)
    thread = in_thread(tasks.run)
    for key in "abc":
        desk.change(key, "x")
        until(lambda k=key: k in desk.worked_out, seconds=5)  # type: ignore[misc]
    stop.set()
    desk.mark("d")
    thread.join(5)
    assert not thread.is_alive()


def test_a_worker_works_nothing_out_before_its_consumers_have_read_the_past(pair: Pair) -> None:
    member, found = new_member(), []

    def count(work: Work, items: Sequence[Item]) -> Mapping[str, datetime]:
        found.append(len(work.session.execute(select(seen.c.stream)).all()))
        return {}

    publish(pair.publisher, *[(member, str(n)) for n in range(50)])
    pair.hearer.transact(ANNA, lambda work: due.mark(work, TASK, ["a"]))
    with pair.relaying():
        until(lambda: pair.unsent() == 0)
    with working(pair, worker(pair.hearer, (pair.publisher.name,), (RECORD,), [Task(TASK, count)])):
        until(lambda: bool(found) or bool(pair.failures))
    assert found == [50]
