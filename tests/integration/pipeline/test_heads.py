"""Services say how far they have come in their streams, and thereby that they live."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from shared.edge.errors import Conflict
from shared.events.envelope import Event
from shared.events.heads import HeadsReported, ServiceLeft
from shared.pipeline import heads
from shared.pipeline.heads import Sign
from shared.pipeline.relay import Relay, is_led
from shared.pipeline.subscriptions import Slice
from shared.pipeline.work import Work
from tests.builders import NOON, heard
from tests.integration.pipeline.test_admin import command
from tests.probe import ANNA, Pair, new_member, publish, until


def reported(pair: Pair, moved: set[str] | None) -> list[dict[str, int]]:
    """The publisher reports; gives what each fact says."""

    def body(work: Work) -> list[dict[str, int]]:
        heads.report(work, moved)
        assert {p.stream for p in work.facts} == {f"service/{pair.publisher.name}"}
        return [p.fact.heads for p in work.facts if isinstance(p.fact, HeadsReported)]

    return pair.publisher.transact(ANNA, body)


def test_after_a_start_the_differences_are_reported_and_then_what_moved(offline: Pair) -> None:
    one, two = (f"customer/{new_member()}" for _ in range(2))
    publish(offline.publisher, (one[9:], "a"), (one[9:], "b"), (two[9:], "c"))
    assert reported(offline, None) == [{one: 2, two: 1}]
    assert reported(offline, None) == [{}]  # a sign of life, and never of its own stream
    publish(offline.publisher, (one[9:], "d"), (two[9:], "e"))
    assert reported(offline, {one, f"service/{offline.publisher.name}"}) == [{one: 3}]
    assert reported(offline, None) == [{two: 2}]
    assert reported(offline, set()) == [{}]


def test_many_heads_are_reported_in_parts(offline: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "MOST", 2)
    members = sorted(new_member() for _ in range(5))
    publish(offline.publisher, *[(member, "x") for member in members])
    parts = reported(offline, None)
    assert [len(part) for part in parts] == [2, 2, 1]
    assert parts[0] | parts[1] | parts[2] == {f"customer/{member}": 1 for member in members}
    assert reported(offline, None) == [{}]


def test_a_report_that_isn_t_committed_is_made_again(offline: Pair) -> None:
    publish(offline.publisher, (member := new_member(), "a"))

    def fails(work: Work) -> None:
        heads.report(work, None)
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        offline.publisher.transact(ANNA, fails)
    assert reported(offline, None) == [{f"customer/{member}": 1}]


def test_the_last_sign_of_life_is_kept_and_whether_a_service_left(offline: Pair) -> None:
    def hear(*facts: tuple[str, HeadsReported | ServiceLeft, int]) -> dict[str, Sign]:
        events = [
            heard(s, fact, source=s, time=NOON + timedelta(minutes=m), subject=f"service/{s}") for s, fact, m in facts
        ]
        offline.hearer.transact(ANNA, lambda work: heads.heard(work, events))
        with Session(offline.hearer.engine) as session:
            return heads.last_signs(session)

    life, left = HeadsReported(heads={}), ServiceLeft()
    first, second = NOON + timedelta(minutes=1), NOON + timedelta(minutes=2)
    assert hear(("sfa", life, 0), ("sync", life, 0), ("sfa", life, 1)) == {
        "sfa": Sign(first, None),
        "sync": Sign(NOON, None),
    }
    assert hear(("sfa", left, 2))["sfa"] == Sign(second, second)
    assert hear(("sfa", life, 3))["sfa"] == Sign(NOON + timedelta(minutes=3), None)


def test_the_relay_reports_from_time_to_time_what_it_sent(pair: Pair) -> None:
    said: list[dict[str, int]] = []

    def note(work: Work, events: list[Event]) -> None:
        said.extend(e.fact.heads for e in events if isinstance(e.fact, HeadsReported))

    pair.slices = (Slice("life", {"heads.reported": note}),)
    one, two = new_member(), new_member()
    publish(pair.publisher, (one, "a"), (two, "b"))
    with pair.running(lambda stop: Relay(pair.publisher, stop, heads_seconds=0.3).run()), pair.consuming():
        until(lambda: {f"customer/{one}": 1, f"customer/{two}": 1} in said)
        publish(pair.publisher, (one, "c"))
        until(lambda: {f"customer/{one}": 2} in said)
        until(lambda: said[-1] == {}, why="no sign of life when nothing moves")


def test_leaving_is_said_once_no_worker_could_say_the_opposite(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    leaver = Pair(pair.publisher, pair.publisher)  # the commands are those of the hearer
    slices = (heads.SLICE,)
    pair.slices = slices
    assert command(leaver, slices, "leave") == 0
    assert "--yes" in capsys.readouterr().out
    with pair.relaying():
        until(lambda: is_refused(leaver), why="it may leave though its relay is at work")
    assert pair.unsent() == 0
    assert command(leaver, slices, "leave", "--yes") == 0
    assert pair.unsent() == 0
    with pair.consuming():
        until(lambda: bool(left(pair)))


def is_refused(pair: Pair) -> bool:
    if not is_led(pair.publisher):
        return False
    with pytest.raises(Conflict, match="still runs"):
        command(pair, (heads.SLICE,), "leave", "--yes")
    return True


def left(pair: Pair) -> dict[str, Sign]:
    with Session(pair.hearer.engine) as session:
        return {source: sign for source, sign in heads.last_signs(session).items() if sign.left}
