"""How many of each part a load takes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.docs import services
from deploy.scale.assumptions import DAY, Assumptions, load_at, mean_load
from deploy.scale.load import Load, partition_weights, worker_weights
from deploy.scale.measured import NotMeasured, measured
from deploy.scale.plan import Plan, plan, shared_pages
from tests.bench.made_up import results
from tests.unit.scale.figures import growth, kept, some

ASSUMED = Assumptions()
FIGURES = measured(kept(), ASSUMED)


def planned(customers: float = 1_000_000, events: float = 2_000, **assumed: float) -> Plan:
    settings = replace(ASSUMED, **assumed)
    return plan(Load.of(customers, events, settings), FIGURES, settings)


@given(st.floats(10, 100_000), st.floats(1.0, 20))
def test_more_events_never_take_less(events: float, more: float) -> None:
    few, many = planned(events=events), planned(events=events * more)
    for name, one in few.services.items():
        other = many.services[name]
        assert other.workers >= one.workers
        assert other.api_processes >= one.api_processes
        assert other.database_cores >= one.database_cores * 0.999
        assert other.iops >= one.iops * 0.999
        assert other.disk_gib >= one.disk_gib * 0.999
    assert many.partitions >= few.partitions
    assert many.kafka_gib >= few.kafka_gib
    assert sum(many.money.values()) >= sum(few.money.values()) * 0.999
    assert many.days_of_timeline <= few.days_of_timeline * 1.001


@given(st.floats(100_000, 50_000_000), st.floats(1.0, 20))
def test_more_customers_never_take_less(customers: float, more: float) -> None:
    few, many = planned(customers=customers), planned(customers=customers * more)
    assert all(many.services[name].workers >= one.workers for name, one in few.services.items())
    assert all(many.services[name].disk_gib >= one.disk_gib for name, one in few.services.items())


@pytest.mark.parametrize("events", [500, 20_000, 200_000])
def test_no_worker_is_used_more_than_it_may(events: float) -> None:
    found = planned(10_000_000, events)
    for one in found.services.values():
        assert sum(one.weights) == pytest.approx(1)
        assert len(one.weights) == one.workers <= found.partitions
        assert found.load.heard(one.name) * max(one.weights) <= one.worker_rate * ASSUMED.most_used


def test_a_relay_is_a_ceiling() -> None:
    found = planned(events=100_000)
    assert found.ceilings["callcenter: relay"] == pytest.approx(0.6 * 100_000 / FIGURES.relay)


def test_who_hears_whom_is_taken_from_the_subscriptions() -> None:
    load = Load.of(1_000, 1_000, ASSUMED)
    assert set(load.shares) == set(services.names())
    assert sum(load.shares.values()) == pytest.approx(1)
    assert load.heard("sync") == pytest.approx(1_000), "sync hears itself too"
    assert load.heard("callcenter") == pytest.approx(1_000 - load.published("callcenter"))
    assert load.commands("marketing") == 0, "what it publishes follows from what it hears"


@pytest.mark.parametrize(("customers", "events"), [(0, 1), (1, 0), (float("inf"), 1), (1, float("nan"))])
def test_a_load_that_is_none_is_refused(customers: float, events: float) -> None:
    with pytest.raises(ValueError, match="more than none"):
        Load.of(customers, events, ASSUMED)


@given(st.sampled_from([12, 48, 768]), st.floats(1, 1e8), st.floats(0, 0.95))
def test_partitions_share_all_events(partitions: int, customers: float, skew: float) -> None:
    weights = partition_weights(partitions, customers, skew)
    assert sum(weights) == pytest.approx(1)
    assert min(weights) >= 0
    assert sum(worker_weights(weights, 5)) == pytest.approx(1)


def test_the_busier_some_customers_are_the_hotter_the_hottest_partition_is() -> None:
    hottest = [max(partition_weights(48, 1_000_000, skew)) for skew in (0, 0.5, 0.9)]
    assert hottest == sorted(hottest)
    assert hottest[-1] > 2 * hottest[0]


def test_pages_that_change_often_are_written_once() -> None:
    there = 1_000_000 * ASSUMED.customer_bytes / 8192
    assert shared_pages(1, 1_000_000, ASSUMED) == pytest.approx(1, rel=0.01), "few changes meet no other"
    assert shared_pages(1e9, 1_000_000, ASSUMED) == pytest.approx(there / ASSUMED.checkpoint_seconds), "each page once"
    assert shared_pages(0, 1_000_000, ASSUMED) == 0


def test_the_load_of_a_day_goes_evenly_from_hour_to_hour() -> None:
    assert max(load_at(hour * 3600) for hour in range(24)) == 1
    assert load_at(10.5 * 3600) == pytest.approx((DAY[10] + DAY[11]) / 2 / max(DAY))
    assert load_at(25 * 3600) == load_at(3600)
    assert mean_load() == pytest.approx(sum(load_at(second) for second in range(0, 86_400, 60)) / 1440)


@pytest.mark.parametrize("figure", ["pipeline.relay", "pipeline.growth", "timeline.read", "pipeline.command"])
def test_what_is_missing_is_named(figure: str) -> None:
    with pytest.raises(NotMeasured) as failure:
        measured(kept(without=figure), ASSUMED)
    assert failure.value.figures == [figure]
    assert "make bench" in str(failure.value)


def test_what_is_not_measured_but_assumed_is_said() -> None:
    assert measured(kept(without="memory.worker"), ASSUMED).assumed == ("row_bytes", "wal_bytes", "worker_mib")
    assert FIGURES.assumed == ("row_bytes", "wal_bytes")
    assert FIGURES.worker_mib == 150


def test_growth_is_taken_for_ten_times_the_customers() -> None:
    others = [one for one in some() if one.figure != "pipeline.growth"]
    slower = [growth("timeline", (80_000, 40_000, 20_000)), growth("profile", (10_000, 20_000, 30_000))]
    found = measured(results([*others, *slower]), ASSUMED)
    assert found.timeline_growth == pytest.approx(2)
    assert found.profile_growth == 1, "that it gets faster isn't counted on"
    assert found.rate("sync", 10_000_000) == pytest.approx(30_000 / 4)
    assert found.rate("sync", 10) == 30_000
    assert found.rate("sfa", 10_000_000) == 25_000


def test_an_assumption_can_be_given() -> None:
    assert ASSUMED.changed(["database_cores=64", "most_used=0.5"]) == replace(ASSUMED, database_cores=64, most_used=0.5)


@pytest.mark.parametrize("setting", ["cores=3", "database_cores=many", "database_cores=-1", "disk_price=inf", "x"])
def test_an_assumption_that_is_none_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match=r"assumption|number"):
        ASSUMED.changed([setting])
