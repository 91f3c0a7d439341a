"""What figures of processes mean."""

from __future__ import annotations

from deploy.console import rules
from deploy.console.rules import Reading, Sample

API, WORKER, OTHER = "http://api", "http://worker", "http://worker-2"


def sample(name: str, value: float, target: str = WORKER, **labels: str) -> Sample:
    return Sample(target, name, labels, value)


def reading(at: float, *samples: Sample) -> Reading:
    """Three processes of one service, with these figures besides."""
    infos = [
        sample("crm_build_info", 1.0, target, service="sfa", process=process, version="7")
        for target, process in ((API, "api"), (WORKER, "worker"), (OTHER, "worker"))
    ]
    return Reading(at, [*infos, *samples])


def one(*readings: Reading) -> rules.Service:
    (state,) = rules.services(readings)
    return state


def texts(*readings: Reading, present: tuple[str, ...] = ("sfa",)) -> list[str]:
    return [trouble.text for trouble in rules.troubles(readings, present)]


def test_counters_become_rates_of_the_last_minute() -> None:
    before = reading(100, sample("crm_outbox_sent_total", 10))
    later = reading(130, sample("crm_outbox_sent_total", 40), sample("crm_outbox_sent_total", 30, OTHER))
    assert one(before, later).sent == (30 + 30) / 30
    long_ago = reading(10, sample("crm_outbox_sent_total", 0))
    assert one(long_ago, before, later).sent == one(before, later).sent


def test_a_process_that_began_anew_counts_from_nothing_and_never_backwards() -> None:
    before = reading(100, sample("crm_outbox_sent_total", 1000))
    assert one(before, reading(110, sample("crm_outbox_sent_total", 20))).sent == 2.0


def test_what_several_processes_measure_of_one_table_counts_once() -> None:
    parked = [
        sample("crm_parked_streams", 3, WORKER, subscription="main", kind="poison"),
        sample("crm_parked_streams", 3, OTHER, subscription="main", kind="poison"),
        sample("crm_parked_streams", 1, OTHER, subscription="late", kind="gap"),
    ]
    state = one(reading(1, *parked, sample("crm_outbox_unsent", 5), sample("crm_outbox_unsent", 5, OTHER)))
    assert (state.parked, state.outbox) == (4, 5)


def test_lag_is_added_up_and_age_is_that_of_the_newest_word() -> None:
    state = one(
        reading(
            1000,
            sample("crm_heard_timestamp_seconds", 900, source="sync"),
            sample("crm_heard_timestamp_seconds", 990, OTHER, source="sync"),
            sample("crm_consumer_lag_events", 7, subscription="main", source="sync"),
            sample("crm_consumer_lag_events", 2, OTHER, subscription="main", source="sync"),
        )
    )
    assert state.heard == [rules.Heard("sync", 10.0, 9.0)]


def test_the_slowest_hundredth_is_read_from_what_the_histogram_grew_by() -> None:
    def buckets(*counts: float) -> list[Sample]:
        name, bounds = "crm_http_request_duration_seconds_bucket", ("0.01", "0.1", "+Inf")
        return [sample(name, count, API, le=le) for le, count in zip(bounds, counts, strict=True)]

    assert one(reading(0, *buckets(0, 1000, 1000)), reading(10, *buckets(98, 1100, 1100))).p99 == 0.1
    assert one(reading(0, *buckets(0, 0, 0)), reading(10, *buckets(99, 99, 100))).p99 == 0.01
    assert one(reading(0, *buckets(0, 0, 0)), reading(10, *buckets(0, 0, 100))).p99 == 0.1
    assert one(reading(0, *buckets(5, 5, 5)), reading(10, *buckets(5, 5, 5))).p99 is None


def test_quiet_figures_are_no_trouble() -> None:
    quiet = reading(
        1000,
        sample("crm_relay_leads", 1),
        sample("crm_relay_leads", 0, OTHER),
        sample("crm_heard_timestamp_seconds", 990, source="sync"),
        sample("crm_dependency_up", 1, dependency="kafka"),
    )
    assert texts(quiet) == []


def test_what_needs_somebody_is_named_the_urgent_first() -> None:
    found = rules.troubles(
        [
            reading(
                1000,
                sample("crm_relay_leads", 1),
                sample("crm_heard_timestamp_seconds", 100, source="sync"),
                sample("crm_consumer_stopped", 1, subscription="main"),
                sample("crm_relay_stopped", 1),
                sample("crm_parked_streams", 2, subscription="main", kind="gap"),
                sample("crm_outbox_oldest_seconds", 99),
                sample("crm_dependency_up", 0, API, dependency="database"),
            )
        ],
        ("sfa", "sync"),
    )
    assert [trouble.urgent for trouble in found] == sorted((t.urgent for t in found), reverse=True)
    said = {(trouble.service, trouble.what, trouble.number) for trouble in found}
    assert {("sfa", "main", 0.0), ("sfa", "", 2.0), ("sfa", "", 99.0), ("sfa", "sync", 900.0)} <= said
    assert ("sfa", "api: database", 0.0) in said
    assert ("sync", "", 0.0) in said, "a service without any process that shows figures"


def test_before_the_first_reading_there_is_nothing_to_say() -> None:
    assert rules.services([]) == []
    assert texts() == []


def test_a_process_that_no_longer_answers_is_named_though_others_of_its_service_do() -> None:
    streams = "http://streams"
    before = reading(1, sample("crm_build_info", 1.0, streams, service="callcenter", process="streams"))
    (trouble,) = rules.troubles([before, reading(6, sample("up", 0.0, streams))], ("sfa",))
    assert (trouble.service, trouble.what, trouble.urgent) == ("callcenter", streams, True)
    (never,) = rules.troubles([reading(6, sample("up", 0.0, streams))], ("sfa",))
    assert (never.service, never.what) == (streams, streams)
    scraped = reading(6, sample("up", 0.0, "10.0.0.1:9090", service="sfa", process="worker"), sample("up", 1.0))
    (named,) = rules.troubles([scraped], ("sfa",))
    assert (named.service, named.what) == ("sfa", "worker")
