"""Outward effects: each once per event, none from history, none again after a rebuild, tried until they work."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from prometheus_client import REGISTRY

from shared.edge import faults, tracing
from shared.events.envelope import Event, parse
from shared.pipeline import measures, rebuild
from shared.pipeline.intents import LEASE, MOST_ATTEMPTS, Intents
from shared.pipeline.work import Work
from tests.integration.pipeline.feed import Feed, slice_of
from tests.probe import Pair, new_member, record, wrapped_up

Sent = list[tuple[str, str]]
"""(note, idempotency key)."""


def thank(work: Work, events: list[Event]) -> None:
    """Owes a letter for each contact, and publishes that it does."""
    record(work, events)
    for event in events:
        if event.type != "contact.wrapped_up":
            continue
        work.intend(event, "thank", {"stream": event.stream}, within=timedelta(days=1))
        work.intend(event, "thank", {"stream": event.stream}, within=timedelta(days=1))
        work.publish(event.stream, wrapped_up("follows"), cause=event)


THANK = (slice_of(thank),)


class Post:
    """Takes letters, or fails."""

    def __init__(self) -> None:
        self.taken: Sent = []
        self.fails = 0
        self.tried: list[str] = []

    def __call__(self, payload: dict[str, Any], key: str) -> None:
        self.tried.append(key)
        if self.fails:
            self.fails -= 1
            raise ConnectionError("the post office is closed")
        self.taken.append((payload["stream"], key))


class Later:
    """A clock that can be put forward."""

    def __init__(self) -> None:
        self.by = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.by


@pytest.fixture
def later(offline: Pair) -> Later:
    clock = Later()
    offline.hearer = replace(offline.hearer, clock=clock)
    return clock


def work_off(pair: Pair, post: Post) -> None:
    worker = Intents(pair.hearer, {"thank": post}, threading.Event())
    while worker.turn():
        pass


def test_an_effect_is_owed_once_per_event_and_done_once(offline: Pair) -> None:
    feed, post = Feed(offline, THANK), Post()
    member = new_member()
    messages = feed.published((member, "one"), (member, "two"))
    feed.hear(messages)
    feed.hear(messages)
    work_off(offline, post)
    work_off(offline, post)
    assert [stream for stream, _ in post.taken] == [f"customer/{member}"] * 2
    assert len({key for _, key in post.taken}) == 2
    assert feed.query("SELECT DISTINCT outcome FROM intent") == [("done",)]


def test_history_has_no_effect_and_what_follows_from_it_is_history_too(offline: Pair) -> None:
    feed = Feed(offline, THANK, activation=1)
    member = new_member()
    feed.hear(feed.published((member, "before the activation"), (member, "after it")))
    assert feed.query("SELECT count(*) FROM intent") == [(1,)]
    follows = Feed(Pair(offline.hearer, offline.publisher), THANK)
    published = [
        parse(value, source=offline.hearer.name, stream=(key or b"").decode()) for key, value in follows.drained()
    ]
    assert [e.history for e in published] == [True, False]
    assert all(e.cause for e in published)


def test_events_that_say_they_are_history_have_no_effect_wherever_they_stand(offline: Pair) -> None:
    backward = Feed(Pair(offline.hearer, offline.publisher), THANK)
    feed = Feed(offline, THANK, activation=99)
    feed.hear(feed.published((new_member(), "long ago")))
    backward.hear(backward.drained())
    assert backward.query("SELECT note FROM seen") == [("follows",)]
    assert backward.query("SELECT count(*) FROM intent") == [(0,)]


def test_a_rebuild_repeats_no_effect(offline: Pair) -> None:
    feed, post = Feed(offline, THANK), Post()
    messages = feed.published((new_member(), "one"))
    feed.hear(messages)
    work_off(offline, post)
    offline.hearer.transact(offline.hearer.itself, lambda work: rebuild.rebuild(work, "main", THANK))
    feed.next = 0
    feed.hear(messages)
    work_off(offline, post)
    assert len(post.taken) == 1


def test_a_rejected_or_failing_event_owes_nothing(offline: Pair) -> None:
    def owing_then_failing(work: Work, events: list[Event]) -> None:
        thank(work, events)
        if any(e.fact is not None and e.fact.note == "bad" for e in events):  # type: ignore[attr-defined]
            raise RuntimeError("after the intent")

    feed = Feed(offline, (slice_of(owing_then_failing),))
    bad, good = new_member(), new_member()
    feed.hear(feed.published((bad, "bad"), (good, "good")))
    assert feed.query("SELECT stream FROM intent") == [(f"customer/{good}",)]
    assert feed.query("SELECT stream FROM outbox WHERE sequence IS NOT NULL") == [(f"customer/{good}",)]


def test_an_effect_that_came_too_late_is_given_up(offline: Pair, later: Later) -> None:
    feed, post = Feed(offline, THANK), Post()
    feed.hear(feed.published((new_member(), "one")))
    later.by = timedelta(days=2)
    work_off(offline, post)
    assert post.tried == []
    assert feed.query("SELECT outcome FROM intent") == [("expired",)]


def test_a_failing_effect_is_tried_again_later_with_the_same_key_and_given_up_in_the_end(
    offline: Pair, later: Later
) -> None:
    feed, post = Feed(offline, THANK), Post()
    feed.hear(feed.published((new_member(), "one")))
    post.fails = 1
    work_off(offline, post)
    assert len(post.tried) == 1
    later.by += timedelta(seconds=10)
    work_off(offline, post)
    assert len(post.taken) == 1
    assert len(set(post.tried)) == 1

    feed.hear(feed.published((new_member(), "two")))
    post.fails, post.tried = 1_000, []
    for _ in range(MOST_ATTEMPTS + 3):
        work_off(offline, post)
        later.by += timedelta(minutes=20)
    assert len(post.tried) == MOST_ATTEMPTS
    assert feed.query("SELECT outcome, last_error FROM intent WHERE outcome <> 'done'") == [
        ("failed", "ConnectionError")
    ]


def test_an_effect_whose_performer_died_is_taken_on_again_after_its_lease(offline: Pair, later: Later) -> None:
    feed, post = Feed(offline, THANK), Post()
    feed.hear(feed.published((new_member(), "one")))
    faults.disarm()
    faults.arm("intent.commit", "raise-before")
    with pytest.raises(faults.FaultRaised):
        work_off(offline, post)
    faults.disarm()
    work_off(offline, post)
    assert len(post.tried) == 1
    later.by = LEASE + timedelta(seconds=1)
    work_off(offline, post)
    assert len(post.tried) == 2
    assert len(set(post.tried)) == 1
    assert feed.query("SELECT outcome FROM intent") == [("done",)]


def test_two_processes_never_have_the_same_effect_at_once(offline: Pair) -> None:
    feed = Feed(offline, THANK)
    feed.hear(feed.published(*[(new_member(), "x") for _ in range(10)]))
    post, other = Post(), Post()
    threads = [threading.Thread(target=work_off, args=(offline, p)) for p in (post, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    keys = [key for _, key in post.taken + other.taken]
    assert len(keys) == len(set(keys)) == 10
    assert feed.query("SELECT count(*) FROM intent WHERE outcome = 'done'") == [(10,)]


def test_an_effect_and_its_lines_in_the_log_belong_to_the_click_that_led_to_it(offline: Pair) -> None:
    feed, trace = Feed(offline, THANK), tracing.new()
    with tracing.following(trace):
        messages = feed.published((new_member(), "one"))
    feed.hear(messages)
    seen: list[dict[str, str]] = []

    def post(payload: dict[str, Any], key: str) -> None:
        seen.append(tracing.outward())

    with structlog.testing.capture_logs([tracing.add_to_log]) as lines:
        assert Intents(offline.hearer, {"thank": post}, threading.Event()).turn()
    assert seen == [{"traceparent": trace}]
    assert [(line["event"], line["trace_id"]) for line in lines] == [("intent.done", tracing.id_of(trace))]
    (followed,) = [
        parse(value, source=offline.hearer.name, stream=str(key and key.decode())) for key, value in mine(offline)
    ]
    assert followed.traceparent == trace


def mine(pair: Pair) -> list[tuple[bytes | None, bytes | None]]:
    """What the hearer said itself."""
    return Feed(replace(pair, publisher=pair.hearer), ()).drained(with_keys=False)


def test_an_effect_without_a_performer_here_waits_for_one_and_is_counted_as_owed(offline: Pair) -> None:
    feed = Feed(offline, THANK)
    feed.hear(feed.published((new_member(), "one")))
    assert not Intents(offline.hearer, {"something else": Post()}, threading.Event()).turn()
    offline.hearer.transact(offline.hearer.itself, lambda work: measures.take(work.session, work.now, ()))
    assert REGISTRY.get_sample_value("crm_intents_owed") == 1
    assert (REGISTRY.get_sample_value("crm_intents_oldest_seconds") or 0) > 0
