"""Every named fault point is reached on the way from a request to its last effect, and none of its faults harms."""

from __future__ import annotations

from collections import deque

import pytest

from shared.edge.faults import MODES, POINTS
from tests.faults.harness import Platform, until

PLACES = {
    ("callcenter", "api"): ("transact.commit", "wakeup.notify", "http.answer", "live.send"),
    ("callcenter", "worker"): (
        "relay.send_key",
        "relay.flush_keys",
        "relay.send",
        "relay.flush",
        "relay.commit",
        "audit.commit",
        "signal.commit",
    ),
    ("callcenter", "streams"): ("signal.send",),
    ("sync", "worker"): (
        "consumer.commit",
        "due.commit",
        "keys.commit",
        "intent.take",
        "intent.perform",
        "intent.commit",
    ),
}
"""Which process is to be struck at which points."""

STRIKE_SECONDS = 240


def test_every_point_has_a_place() -> None:
    assert sorted(point for points in PLACES.values() for point in points) == sorted(POINTS)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", MODES)
def test_every_point_is_struck_and_nothing_is_lost(crm: Platform, mode: str) -> None:
    crm.fault_log.unlink(missing_ok=True)
    armed = [crm.process(*place) for place in PLACES]
    for process, points in zip(armed, PLACES.values(), strict=True):
        faults = [f"{point}={mode}" for point in points]
        # A process dies at one point a life; anything else it survives, so one life is enough.
        process.faults = deque(faults if mode.startswith("crash") else [",".join(faults)])
    crm.keeper.restart(armed)
    crm.wait_ready()
    with crm.open_page(), crm.load() as load:
        due = {f"{point}={mode}" for point in POINTS}
        until(lambda: set(crm.struck()) == due or load.failed, STRIKE_SECONDS, lambda: _left(crm))
    crm.keeper.stop([crm.streams])
    assert sorted(crm.struck()) == sorted(f"{point}={mode}" for point in POINTS)
    crm.verify()


def _left(crm: Platform) -> str:
    return f"some points were never reached; struck: {crm.struck()}"
