"""Outages: proposed once, however often and by however many processes a burst is seen, and decided by supervisors."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import text

from services.callcenter.outages import handlers
from services.callcenter.outages.rules import QUIET, Burst
from services.callcenter.streams import intake, messages
from services.callcenter.streams import rules as windows
from services.callcenter.streams.intake import SUBSCRIPTION, Intake
from services.callcenter.streams.messages import TOPIC, BurstSeen, Signal, WindowsSeen
from services.callcenter.streams.rules import Minute, Queue, Window
from shared.edge import faults
from shared.events.envelope import new_id
from shared.pipeline import offsets
from shared.pipeline.offsets import Fenced
from shared.pipeline.service import Service
from tests.builders import NOON
from tests.integration.callcenter.center import CallCenter

SUPERVISOR = ("supervisor",)
HTML = {"accept": "text/html"}
CASES = tuple(sorted(new_id() for _ in range(7)))


def burst(*cases: int, place: str = "es-28") -> Burst:
    return Burst("fibre", place, NOON, tuple(CASES[n] for n in cases))


def propose(center: CallCenter, *bursts: Burst) -> list[str]:
    return center.service.transact(center.service.itself, lambda work: handlers.propose(work, bursts))


def test_repeated_bursts_propose_once_and_add_their_cases(fresh: CallCenter) -> None:
    (first,) = propose(fresh, burst(0, 1, 2, 3, 4))
    assert propose(fresh, burst(0, 1, 2, 3, 4), burst(1, 2, 3, 4, 5), burst(6)) == [first] * 3
    assert propose(fresh, burst(0, place="es-08")) != [first]
    facts = fresh.facts("outage.proposed")
    assert [(fact.place, len(fact.cases)) for fact in facts] == [("es-28", 5), ("es-08", 1)]
    assert fresh.scalar("SELECT count(*) FROM outage_case WHERE outage = :o", o=first) == 7


def test_of_many_at_once_one_proposes(fresh: CallCenter) -> None:
    found: list[list[str]] = []
    threads = [threading.Thread(target=lambda n=n: found.append(propose(fresh, burst(n, n + 1, 5)))) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 5
    assert len({each for (each,) in found}) == 1
    assert len(fresh.facts("outage.proposed")) == 1


def test_a_dismissed_one_keeps_quiet_for_a_while(fresh: CallCenter) -> None:
    (first,) = propose(fresh, burst(0, 1))
    decide(fresh, first, "dismiss", reason="no_outage")
    assert propose(fresh, burst(2, 3)) == [first]
    fresh.clock.now += QUIET
    assert propose(fresh, burst(3, 4)) == [first], "its case is one of that outage"
    (second,) = propose(fresh, burst(5, 6))
    assert second != first


def decide(center: CallCenter, outage: str, what: str, **body: str) -> int:
    return center.post(f"/outages/{outage}/{what}", body, "sara", SUPERVISOR).status_code


def test_supervisors_decide_and_what_they_decide_is_published(fresh: CallCenter) -> None:
    (outage,) = propose(fresh, burst(0, 1))
    assert fresh.post(f"/outages/{outage}/confirm").status_code == 403
    assert fresh.post(f"/outages/{outage}/dismiss").status_code == 403
    assert decide(fresh, new_id(), "confirm") == 404
    assert [decide(fresh, outage, "dismiss", reason="over"), decide(fresh, outage, "confirm")] == [409, 200]
    assert decide(fresh, outage, "confirm") == 409
    shown = fresh.get("/outages", params={"open": True}).json()
    assert [(one["outage"], one["state"], one["cases"], one["decided_by"]) for one in shown] == [
        (outage, "confirmed", 2, "sara")
    ]
    assert decide(fresh, outage, "dismiss", reason="over") == 200
    assert fresh.get("/outages", params={"open": True}).json() == []
    assert [e.type for e in fresh.events() if e.stream == f"outage/{outage}"] == [
        "outage.proposed",
        "outage.confirmed",
        "outage.dismissed",
    ]


def test_a_decision_can_be_taken_back(fresh: CallCenter) -> None:
    (outage,) = propose(fresh, burst(0, 1))
    assert decide(fresh, outage, "undo") == 409
    assert decide(fresh, outage, "confirm") == 200
    assert decide(fresh, outage, "dismiss", reason="over") == 200
    assert [decide(fresh, outage, "undo") for _ in range(3)] == [200, 200, 409]
    assert [one["state"] for one in fresh.get("/outages").json()] == ["proposed"]
    assert [e.type.partition(".")[2] for e in fresh.events() if e.stream == f"outage/{outage}"] == [
        "proposed",
        "confirmed",
        "dismissed",
        "confirmed",
        "proposed",
    ]
    assert len(fresh.facts("outage.proposed")[-1].cases) == 2
    assert fresh.post(f"/outages/{outage}/undo").status_code == 403


def test_the_wall_shows_queues_from_the_streams_and_who_is_there(fresh: CallCenter) -> None:
    queue = Queue("billing", 3, NOON - timedelta(seconds=75), 9, 5, 1, 4.25, 4, 6, 3, 4)
    minute = Minute(NOON, 9, 5, 1, 2)
    Sink(fresh.service).take(WindowsSeen(at=NOON, windows=seen(offered=9).windows, queues=(queue,), minutes=(minute,)))
    assert fresh.post("/desk/state", {"state": "break", "reason": "meal"}, "bert").status_code == 200
    shown = page(fresh)
    for words in ("1:15 waits too long", "75%", "of 4 cases", "4.2/5", "Break: meal", "Bert", "Longest wait"):
        assert words in shown, words


def test_the_supervisors_page_shows_windows_and_outages(fresh: CallCenter) -> None:
    for path in ("/supervisor", "/supervisor/windows", "/supervisor/outages", "/supervisor/live"):
        assert fresh.get(path, headers=HTML).status_code == 403
    assert "Nobody is counting" in page(fresh)
    (outage,) = propose(fresh, burst(0, 1))
    Sink(fresh.service).take(seen(offered=7))
    shown = page(fresh)
    assert f"/outages/{outage}/confirm" in shown
    assert "<td>7</td>" in shown
    assert "Nobody is counting" not in shown
    assert "Averías generales" in page(fresh, "es")
    fresh.clock.forward(minutes=4)
    assert "Nobody is counting" in page(fresh)


def page(center: CallCenter, language: str = "en") -> str:
    shown = center.get("/supervisor", headers={**HTML, "accept-language": language}, roles=SUPERVISOR)
    assert shown.status_code == 200
    return shown.text


def seen(offered: int, seconds: int = 0) -> WindowsSeen:
    counts = {"answered": 0, "abandoned": 0, "satisfaction": 4.5, "satisfactions": 2, "solved": 0}
    rest = {"immediate": None, "seconds_to_solution": None}
    windows_ = tuple(Window(minutes=m, offered=offered, **counts, **rest) for m in windows.WINDOWS)  # type: ignore[arg-type]
    return WindowsSeen(at=NOON + timedelta(seconds=seconds), windows=windows_)


class Message:
    """A message as confluent-kafka gives it."""

    def __init__(self, offset: int, value: bytes) -> None:
        self._offset, self._value = offset, value

    def error(self) -> None:
        return None

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def value(self) -> bytes:
        return self._value


class Sink:
    """A worker's intake, fed by hand; it begins where the database says."""

    def __init__(self, service: Service) -> None:
        self._intake = Intake(service, threading.Event())
        ends = {0: 1_000}
        begun = service.transact(service.itself, lambda work: intake._begin(work, {0: 0}, ends))
        self._intake._next = begun
        self.next = begun[TOPIC, 0]

    def take(self, *signals: Signal | bytes) -> None:
        """The next messages of the log."""
        values = [each if isinstance(each, bytes) else messages.encode(each) for each in signals]
        self._intake.take([Message(self.next + n, value) for n, value in enumerate(values)])  # type: ignore[misc]
        self.next += len(values)


def burst_seen(*cases: int) -> BurstSeen:
    return BurstSeen(at=NOON, product="fibre", place="es-28", since=NOON, cases=tuple(CASES[n] for n in cases))


def offered(center: CallCenter) -> Sequence[int]:
    with center.service.engine.connect() as connection:
        return connection.scalars(text("SELECT offered FROM live_window ORDER BY minutes")).all()


def test_signals_are_taken_once_by_one_of_several_processes(fresh: CallCenter) -> None:
    one, other = Sink(fresh.service), Sink(fresh.service)
    one.take(seen(3), burst_seen(0, 1))
    with pytest.raises(Fenced):
        other.take(seen(9), burst_seen(5, 6))
    assert Sink(fresh.service).next == 2
    assert list(offered(fresh)) == [3, 3]
    assert fresh.scalar("SELECT count(*) FROM outage_case") == 2


def test_the_newest_windows_stand_and_what_cant_be_read_is_passed_over(fresh: CallCenter) -> None:
    sink = Sink(fresh.service)
    sink.take(seen(3, seconds=5), b"nonsense", seen(2, seconds=1), b'{"kind":"later"}')
    sink.take(seen(1, seconds=2))
    assert list(offered(fresh)) == [3, 3]
    assert sink.next == 5


def test_a_lost_commit_loses_and_doubles_nothing(fresh: CallCenter) -> None:
    for mode, taken in (("raise-before", 0), ("raise-after", 2)):
        sink = Sink(fresh.service)
        faults.arm("signal.commit", mode)
        try:
            with pytest.raises(faults.FaultRaised):
                sink.take(seen(3), burst_seen(0, 1))
        finally:
            faults.disarm()
        assert Sink(fresh.service).next == taken
        assert len(fresh.facts("outage.proposed")) == taken // 2


def test_it_reads_on_inside_of_the_log(fresh: CallCenter) -> None:
    for moved, begins, ends, expected in ((5, 0, 9, 5), (5, 7, 9, 7), (5, 0, 3, 0)):
        service = fresh.service
        service.transact(service.itself, lambda work: intake._begin(work, {0: 0}, {0: 99}))
        to = {(SUBSCRIPTION, TOPIC, 0): moved}
        service.transact(service.itself, lambda work, to=to: offsets.move(work.session, to))  # type: ignore[misc]
        found = service.transact(
            service.itself,
            lambda work, b=begins, e=ends: intake._begin(work, {0: b}, {0: e}),  # type: ignore[misc]
        )
        assert found == {(TOPIC, 0): expected}
