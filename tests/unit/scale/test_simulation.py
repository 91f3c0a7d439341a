"""A day of a load, and what is left when something was away."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.scale.assumptions import Assumptions
from deploy.scale.load import Load
from deploy.scale.measured import measured
from deploy.scale.plan import command_cost, plan, send_cost
from deploy.scale.simulation import KAFKA, Course, Outage, Simulation
from tests.unit.scale.figures import kept

ASSUMED = replace(Assumptions(), timeline_pages_per_event=0.1)
"""So that it isn't the disk that is the limit."""
FIGURES = measured(kept(), ASSUMED)
HOUR = 3600.0


def simulated(
    events: float = 2_000,
    seconds: float = HOUR,
    outage: Outage | None = None,
    step: float = 10.0,
    assumed: Assumptions = ASSUMED,
) -> tuple[Load, Course]:
    load = Load.of(1_000_000, events, assumed)
    run = Simulation(plan(load, FIGURES, assumed), FIGURES, assumed, curve=lambda _: 1.0, step=step)
    return load, run.run(seconds, outage)


OUTAGES = st.none() | st.builds(
    Outage, what=st.sampled_from([KAFKA, "sync", "sfa"]), began=st.floats(0, 1800), seconds=st.floats(10, 3600)
)


@settings(max_examples=20)
@given(st.floats(10, 400_000), OUTAGES, st.floats(0.5, 64))
def test_no_event_is_lost_and_none_comes_from_nowhere(events: float, outage: Outage | None, cores: float) -> None:
    load, course = simulated(events, outage=outage, assumed=replace(ASSUMED, database_cores=cores))
    for name, one in course.services.items():
        assert one.published == pytest.approx(one.sent + one.outbox)
        assert one.heard == pytest.approx(sum(course.services[source].sent for source in load.sources[name]))
        assert one.heard == pytest.approx(one.applied + float(one.lag.sum()))
        assert float(np.min(one.lag)) >= -1e-6
        if load.commands(name):
            assert one.published + one.waiting == pytest.approx(load.commands(name) * HOUR)
    assert all(-1e-9 <= share <= 1 + 1e-9 for shares in course.used.values() for share in shares)


def test_under_its_load_nothing_piles_up_and_every_service_publishes_its_share() -> None:
    load, course = simulated()
    assert max(course.waiting()) <= 4 * 10 * load.events
    for name, one in course.services.items():
        assert one.published == pytest.approx(load.published(name) * HOUR, rel=0.02)


def test_over_its_relay_an_outbox_grows_as_it_must() -> None:
    more = ASSUMED.changed(["database_cores=10000", "wal_mb_per_second=1e9", "database_iops=1e9"])
    load, course = simulated(200_000, assumed=more)
    over = load.published("callcenter") - FIGURES.relay
    assert over > 0
    assert course.services["callcenter"].outbox == pytest.approx(over * HOUR, rel=0.01)
    assert course.services["sfa"].outbox == pytest.approx(0, abs=1)


def test_a_database_without_cores_lets_its_workers_wait_first() -> None:
    cores = 1_200 * (command_cost(FIGURES, ASSUMED) + send_cost(FIGURES, ASSUMED))
    _, course = simulated(2_000, assumed=replace(ASSUMED, database_cores=cores * 1.001))
    one = course.services["callcenter"]
    assert one.waiting == pytest.approx(0, abs=1)
    assert one.outbox < 2_000 * 10
    assert float(one.lag.sum()) > 10_000


def test_what_waited_for_kafka_is_caught_up_as_fast_as_there_is_room_for() -> None:
    outage = Outage(KAFKA, 600, 3000)
    load, usual = simulated(2_000, 2 * HOUR)
    _, course = simulated(2_000, 2 * HOUR, outage)
    assert course.most("callcenter: outbox") == pytest.approx(load.published("callcenter") * 3000, rel=0.05)
    found = course.drained(outage, usual, load.events)
    assert found is not None
    # What came in 3000 s, over what the slowest can do beyond what goes on coming.
    room = {name: _room(load, name) for name in load.shares}
    slowest = max(3000 * load.heard(name) / (each - load.heard(name)) for name, each in room.items())
    assert found == pytest.approx(slowest, rel=0.25, abs=30)
    assert usual.drained(outage, usual, load.events) == 0


def _room(load: Load, name: str) -> float:
    one = plan(load, FIGURES, ASSUMED).services[name]
    return min(one.worker_rate / max(one.weights), _of_disk(load, name))


def _of_disk(load: Load, name: str) -> float:
    ceilings = plan(load, FIGURES, ASSUMED).ceilings
    return load.heard(name) / max(ceilings[f"{name}: write-ahead log"], ceilings[f"{name}: pages of its disk"])


def test_a_block_that_is_away_holds_up_nobody_else() -> None:
    outage = Outage("sync", 600, HOUR)
    load, course = simulated(2_000, HOUR, outage)
    assert course.services["sync"].lag.sum() == pytest.approx(3000 * load.heard("sync"), rel=0.1)
    assert max(course.backlog["sfa: workers"]) <= 3 * 10 * load.heard("sfa")
    assert course.drained(outage, simulated(2_000, HOUR)[1], load.events) is None, "it still is"


def test_the_step_makes_no_difference_to_what_is_applied() -> None:
    (_, fine), (_, coarse) = (simulated(step=step, outage=Outage(KAFKA, 300, 300)) for step in (1.0, 10.0))
    for name, one in fine.services.items():
        assert coarse.services[name].applied == pytest.approx(one.applied, rel=0.02)
