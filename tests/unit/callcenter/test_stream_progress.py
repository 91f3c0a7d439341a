"""How far the live windows have read, and whether somebody who reads nothing is noticed."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pytest

from services.callcenter.streams.progress import WHOLE, Progress, watch
from shared.edge.health import STUCK_SECONDS, Health

ENDS = {0: 10, 1: 5}


@pytest.fixture
def progress() -> Progress:
    made = Progress()
    made.starts({0: 7, 1: 5}, ENDS)
    return made


def test_windows_are_whole_once_everything_up_to_the_first_end_is_heard(progress: Progress) -> None:
    assert progress.missing == 3
    for offset in (7, 8, 8, 7):
        progress.heard(0, offset)
    assert progress.missing == 1
    progress.heard(0, 9)
    assert progress.missing == 0
    assert progress.behind({0: 12, 1: 6}) == 3


def test_windows_aren_t_ready_before_they_are_whole(progress: Progress) -> None:
    assert "waits" in Progress().windows().ask()[WHOLE]
    assert progress.windows().ask()[WHOLE].startswith("3 events")
    progress.heard(0, 9)
    assert progress.windows().ask() == {WHOLE: ""}


class Clock(threading.Event):
    """Nobody waits: each wait lets so much time go by, until there is enough of it."""

    def __init__(self, rounds: int) -> None:
        super().__init__()
        self.now, self._rounds = 0.0, rounds

    def wait(self, timeout: float | None = None) -> bool:
        self.now += STUCK_SECONDS
        self._rounds -= 1
        if not self._rounds:
            self.set()
        return self.is_set()


@pytest.mark.parametrize(
    ("ends", "lives"),
    [(ENDS, False), ({0: 7, 1: 5}, True), (None, True)],
    ids=["events that nobody hears", "nothing to hear", "no word from Kafka"],
)
def test_who_reads_nothing_though_there_is_something_doesn_t_come_round(
    progress: Progress, ends: Mapping[int, int] | None, lives: bool
) -> None:
    clock = Clock(3)
    health = Health(monotonic=lambda: clock.now)
    with health.part("hearing"):
        watch(progress, lambda: ends, clock)
        assert health.lives()[0] is lives


def test_who_is_behind_and_reads_comes_round(progress: Progress) -> None:
    clock = Clock(3)
    health = Health(monotonic=lambda: clock.now)
    read = iter((7, 8, 9))

    def ends() -> Mapping[int, int]:
        progress.heard(0, next(read))
        return {0: 100}

    with health.part("hearing"):
        watch(progress, ends, clock)
        assert health.lives()[0]
