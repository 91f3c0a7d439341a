"""A part that doesn't come round, or died, makes a process stuck; what is away makes it not ready, until it is back."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import httpx
import pytest

from shared.edge import health
from shared.edge.health import STALE_SECONDS, STUCK_SECONDS, Dependency, Health
from shared.edge.signs import Signs


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Away:
    """A dependency that says what it is told to."""

    def __init__(self) -> None:
        self.why = ""
        self.closed = threading.Event()

    def ask(self) -> Mapping[str, str]:
        return {"kafka": self.why}

    @property
    def dependency(self) -> Dependency:
        return Dependency(("kafka",), self.ask, self.closed.set)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def away() -> Away:
    return Away()


@pytest.fixture
def of(time: Time, away: Away) -> Health:
    return Health([away.dependency], time)


def test_a_part_lives_as_long_as_it_comes_round(of: Health, time: Time) -> None:
    with of.part("relay"):
        time.now += STUCK_SECONDS
        assert of.lives()[0]
        time.now += 1
        ok, told = of.lives()
        assert not ok
        assert told == {"status": "stuck", "parts": {"relay": {"ok": False, "seconds": STUCK_SECONDS + 1}}}
        health.alive()
        assert of.lives() == (True, {"status": "ok", "parts": {"relay": {"ok": True, "seconds": 0.0}}})
    time.now += STUCK_SECONDS + 1
    assert of.lives() == (True, {"status": "ok", "parts": {}})


def test_each_part_comes_round_for_itself(of: Health, time: Time) -> None:
    done, turn = threading.Event(), threading.Event()

    def other() -> None:
        with of.part("other"):
            turn.set()
            done.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    assert turn.wait(10)
    with of.part("this"):
        time.now += STUCK_SECONDS + 1
        health.alive()
        parts = of.lives()[1]["parts"]
    done.set()
    thread.join()
    assert {name: each["ok"] for name, each in parts.items()} == {"other": False, "this": True}


def test_a_part_that_died_stays_dead(of: Health) -> None:
    with pytest.raises(ZeroDivisionError), of.part("live"):
        raise ZeroDivisionError
    ok, told = of.lives()
    assert not ok
    assert told["parts"]["live"]["ok"] is False


def test_outside_of_a_part_nothing_comes_round(of: Health) -> None:
    health.alive()
    assert of.lives()[1]["parts"] == {}


def test_it_isn_t_ready_before_it_asked(of: Health) -> None:
    assert of.ready() == (
        False,
        {"status": "not ready", "dependencies": {"kafka": {"ok": False, "why": "not asked yet"}}},
    )


def test_what_is_away_is_said_with_its_reason_and_comes_back(of: Health, away: Away) -> None:
    of.ask()
    assert of.ready() == (True, {"status": "ready", "dependencies": {"kafka": {"ok": True}}})
    away.why = "kafka doesn't answer"
    of.ask()
    assert of.ready()[1]["dependencies"]["kafka"] == {"ok": False, "why": "kafka doesn't answer"}
    away.why = ""
    of.ask()
    assert of.ready()[0]


def test_what_hangs_is_noticed_by_its_silence(of: Health, time: Time) -> None:
    of.ask()
    time.now += STALE_SECONDS + 1
    assert of.ready()[1]["dependencies"]["kafka"] == {"ok": False, "why": "no answer for 9 s"}
    of.ask()
    assert of.ready()[0]


def test_what_waits_for_a_person_isn_t_ready_but_lives(of: Health) -> None:
    of.ask()
    of.waits_for_a_person("main", "too many streams are parked")
    ok, told = of.ready()
    assert not ok
    assert told["dependencies"]["main"]["why"] == "too many streams are parked"
    assert of.lives()[0]


def test_it_asks_in_the_background_until_the_end(away: Away) -> None:
    of = Health([away.dependency], look_seconds=0.01)
    with of.running():
        while not of.ready()[0]:
            pass
    assert away.closed.wait(10)


@pytest.fixture
def signs(of: Health) -> Iterator[str]:
    with ExitStack() as stack:
        made = Signs("127.0.0.1", 0, of)
        stack.callback(made.close)
        yield f"http://127.0.0.1:{made.port}"


def test_the_signs_are_shown(of: Health, away: Away, signs: str) -> None:
    with of.part("relay"):
        lives = httpx.get(f"{signs}/healthz", trust_env=False)
    assert (lives.status_code, lives.json()["status"]) == (200, "ok")
    away.why = "no"
    of.ask()
    ready = httpx.get(f"{signs}/readyz", trust_env=False)
    assert (ready.status_code, ready.json()["dependencies"]) == (503, {"kafka": {"ok": False, "why": "no"}})
    shown = httpx.get(f"{signs}/metrics", trust_env=False)
    assert 'crm_dependency_up{dependency="kafka"} 0.0' in shown.text
    assert 'crm_part_progress_timestamp_seconds{part="relay"}' in shown.text
