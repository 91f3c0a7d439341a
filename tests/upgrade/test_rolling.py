"""This release takes the former one's place process by process, while customers go round; nobody notices."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.faults.harness import platform, until
from tests.upgrade.platform import JOURNEY_SECONDS, JOURNEYS, Upgrade

FIRST, LATER = ("callcenter", "sfa"), ("marketing", "sync")
"""Each hears all the others: so new ones speak to former ones, and the other way round."""
GOERS = 2
DRAIN_SECONDS = 180


@pytest.mark.timeout(1_800)
def test_a_release_takes_the_former_ones_place_under_traffic(seed: int, tree: Path) -> None:
    with platform(seed, lambda folder, number: Upgrade(folder, number, tree)) as crm:
        crm.sound = False
        crm.begin_streams()
        with crm.go(GOERS) as load:
            crm.work(load)
            crm.migrate_to_new()
            crm.work(load)
            crm.restart_former(("sfa", "worker"), ("callcenter", "api"))
        crm.begin("api", crm.services)
        with crm.go(GOERS) as load:
            crm.work(load)
            until(lambda: crm.both_are_asked() or load.failed, JOURNEY_SECONDS, "not both releases are asked")
            crm.begin("worker", FIRST)
            crm.work(load)
            crm.end("api", crm.services)
            crm.end("worker", FIRST)
            crm.work(load)
            # What the former release counts is taken in by workers of this one.
            now, counted = datetime.now(UTC), crm.wall()[1]
            assert counted >= JOURNEYS, "the former release counts nothing"
            crm.until_the_wall_shows(counted + 1, now)
            crm.renew_streams()
            # Counted anew from the log: whom the former one had counted is among them.
            now, counted = datetime.now(UTC), crm.wall()[1]
            crm.until_the_wall_shows(counted, now)
            crm.work(load)
            crm.until_the_wall_shows(counted + 1, now)
        # What the new ones said is handled by those that are still of the former release.
        crm.drain(DRAIN_SECONDS)
        with crm.go(GOERS) as load:
            crm.begin("worker", LATER)
            crm.work(load)
            crm.end("worker", LATER)
            crm.work(load)
        assert crm.errors() == []
        assert crm.ends() == {}, "a process ended by itself"
        crm.verify(DRAIN_SECONDS)
