"""What waits, and since when, is measured as it stands in the database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from shared.events.envelope import Event
from shared.events.heads import HeadsReported
from shared.pipeline import chain, due, heads, measures
from shared.pipeline.service import Service
from shared.pipeline.work import Work
from tests.builders import heard
from tests.integration.pipeline.feed import Feed, picky, slice_of
from tests.probe import ANNA, Pair, new_member, publish, record


def measured(of: Service, name: str, **labels: str) -> float | None:
    """A metric, as a worker of the service has it now."""
    of.transact(of.itself, lambda work: measures.take(work.session, of.clock() + LATER, ("standing", "idle")))
    return REGISTRY.get_sample_value(name, labels)


LATER = timedelta(hours=1)
"""By so much the measuring is later than what is measured."""


def test_the_outbox_and_the_audit_log_are_measured(offline: Pair) -> None:
    of = offline.publisher
    assert measured(of, "crm_outbox_unsent") == measured(of, "crm_outbox_oldest_seconds") == 0
    publish(of, (new_member(), "one"), (new_member(), "two"))
    assert (measured(of, "crm_outbox_unsent") or 0) >= 2
    assert 0 < (measured(of, "crm_outbox_oldest_seconds") or 0) < 60
    assert (measured(of, "crm_audit_unlinked_oldest_seconds") or 0) >= LATER.total_seconds()
    of.transact(of.itself, lambda work: chain.link(work.session))
    assert measured(of, "crm_audit_unlinked_oldest_seconds") == 0


def test_what_is_due_is_measured_by_task(offline: Pair) -> None:
    of = offline.publisher
    soon, later = of.clock() + timedelta(minutes=30), of.clock() + timedelta(hours=2)

    def mark(work: Work) -> None:
        due.mark(work, "standing", ["a", "b"], at=soon)
        due.mark(work, "standing", ["c"], at=later)

    of.transact(ANNA, mark)
    assert measured(of, "crm_due_keys", task="standing") == 2
    assert measured(of, "crm_due_oldest_seconds", task="standing") == pytest.approx(1800, abs=60)
    assert measured(of, "crm_due_keys", task="idle") == measured(of, "crm_due_oldest_seconds", task="idle") == 0


def test_parked_streams_are_shown_as_long_as_they_are_parked(offline: Pair) -> None:
    refused = {"bad"}
    feed = Feed(offline, (picky(refused, lambda work, event: work.reject(event, "no")),))
    member = new_member()
    feed.hear(feed.published((member, "bad")))
    of_it = {"subscription": "main", "kind": "poison"}
    assert measured(offline.hearer, "crm_parked_streams", **of_it) == 1
    assert measured(offline.hearer, "crm_parked_oldest_seconds", subscription="main") is not None
    refused.clear()
    feed.redrive(member)
    assert measured(offline.hearer, "crm_parked_streams", **of_it) is None


def test_how_old_what_is_known_from_others_is(offline: Pair) -> None:
    sign = heard("marketing", HeadsReported(heads={}), source="marketing")
    offline.hearer.transact(offline.hearer.itself, lambda work: heads.heard(work, [sign]))
    assert measured(offline.hearer, "crm_heard_timestamp_seconds", source="marketing") == sign.occurred.timestamp()


def test_each_key_that_is_due_keeps_the_trace_of_what_marked_it(offline: Pair) -> None:
    told: list[str | None] = []

    def mark(work: Work, events: list[Event]) -> None:
        record(work, events)
        due.mark_of(work, "standing", lambda event: [event.stream], events)
        told.extend(event.envelope.traceparent for event in events)

    feed = Feed(offline, (slice_of(mark),))
    messages = feed.published((new_member(), "one")) + feed.published((new_member(), "two"))
    feed.hear(messages)
    assert len(set(told)) == 2
    assert {trace for (trace,) in feed.query("SELECT traceparent FROM due")} == set(told)
