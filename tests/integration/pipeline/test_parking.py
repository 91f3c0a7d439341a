"""What can't be handled sets its stream aside; everyone else goes on, and nothing of it is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import text

from shared.edge.errors import Conflict, NotFound
from shared.events.envelope import Event
from shared.pipeline import parking
from shared.pipeline.parking import TooManyParked
from shared.pipeline.work import Work
from tests.integration.pipeline.feed import Feed, Message, picky
from tests.probe import RECORD, Pair, new_member, until


def by_raising(work: Work, event: Event) -> None:
    raise RuntimeError("can't be handled")


def by_rejecting(work: Work, event: Event) -> None:
    work.reject(event, "can't be handled")


def by_breaking_the_transaction(work: Work, event: Event) -> None:
    work.session.execute(text("INSERT INTO seen (source) VALUES (NULL)"))


@pytest.fixture(params=[by_raising, by_rejecting, by_breaking_the_transaction])
def refuse(request: pytest.FixtureRequest) -> Callable[[Work, Event], None]:
    chosen: Callable[[Work, Event], None] = request.param
    return chosen


def test_only_the_stream_of_a_poisonous_event_waits_and_goes_on_once_mended(
    offline: Pair, refuse: Callable[[Work, Event], None]
) -> None:
    refused = {"poison"}
    feed = Feed(offline, (picky(refused, refuse),))
    sick, sound = new_member(), [new_member() for _ in range(9)]
    feed.hear(feed.published((sick, "first"), (sick, "poison"), (sick, "third"), *[(m, "a") for m in sound]))
    feed.hear(feed.published((sick, "fourth"), *[(m, "b") for m in sound]))

    assert feed.notes(sick) == ["first"]
    assert all(feed.notes(m) == ["a", "b"] for m in sound)
    (waits,) = feed.parked().values()
    assert (waits.stream, waits.kind, waits.events) == (f"customer/{sick}", "poison", 3)
    assert "poison" not in waits.reason

    assert feed.redrive(sick) == (0, 3)
    refused.clear()
    assert feed.redrive(sick) == (3, 0)
    assert feed.notes(sick) == ["first", "poison", "third", "fourth"]
    feed.hear(feed.published((sick, "fifth")))
    assert feed.notes(sick)[-1] == "fifth"
    assert feed.parked() == {}
    with pytest.raises(NotFound):
        feed.redrive(sick)


def test_several_poisonous_streams_of_one_batch_are_all_found(offline: Pair) -> None:
    feed = Feed(offline, (picky({"poison"}, by_raising),))
    members = [new_member() for _ in range(40)]
    feed.hear(feed.published(*[(m, "poison" if n % 10 == 3 else "fine") for n, m in enumerate(members)]))
    assert set(feed.parked()) == {f"customer/{m}" for n, m in enumerate(members) if n % 10 == 3}
    assert len(offline.rows()) == 36


def test_a_skipped_event_is_left_out_and_its_reason_kept(offline: Pair) -> None:
    feed = Feed(offline, (picky({"poison"}, by_raising),))
    member = new_member()
    feed.hear(feed.published((member, "first"), (member, "poison"), (member, "third")))
    assert feed.skip(member, "entered twice") == (1, 0)
    assert feed.notes(member) == ["first", "third"]
    kept = feed.query("SELECT source, stream, sequence, reason, author FROM skipped_event")
    assert kept == [(*feed.place(member), 2, "entered twice", "anna")]


def test_what_stays_behind_a_skipped_event_stays(offline: Pair) -> None:
    feed = Feed(offline, (picky({"poison", "worse"}, by_raising),))
    member = new_member()
    feed.hear(feed.published((member, "poison"), (member, "fine"), (member, "worse"), (member, "last")))
    assert feed.skip(member) == (1, 2)
    assert feed.notes(member) == ["fine"]
    assert feed.skip(member) == (1, 0)
    assert feed.notes(member) == ["fine", "last"]


def test_a_gap_waits_and_heals_when_the_missing_events_come(offline: Pair) -> None:
    feed = Feed(offline, (RECORD,))
    member, other = new_member(), new_member()
    one, two, three, four = feed.published(*[(member, n) for n in "1234"])
    feed.hear([one, three, *feed.published((other, "x"))])
    assert feed.notes(member) == ["1"]
    assert feed.notes(other) == ["x"]
    assert feed.parked()[f"customer/{member}"].kind == "gap"
    assert "2 to 2 is missing" in feed.parked()[f"customer/{member}"].reason
    feed.hear([four])
    feed.hear([two])
    assert feed.notes(member) == ["1", "2", "3", "4"]
    assert feed.parked() == {}


def test_a_gap_still_heals_when_something_unreadable_came_behind_it(offline: Pair) -> None:
    feed = Feed(offline, (RECORD,))
    member = new_member()
    one, two, three = feed.published(*[(member, n) for n in "123"])
    feed.hear([one, three])
    feed.hear([(one[0], b"not an event")])
    assert feed.parked()[f"customer/{member}"].kind == "gap"
    feed.hear([two])
    assert feed.notes(member) == ["1", "2", "3"]
    assert feed.parked()[f"customer/{member}"].kind == "malformed"


@pytest.mark.parametrize("spoil", ["missing is unreadable", "missing is poison"])
def test_what_waits_behind_a_gap_never_overtakes_a_missing_event_that_can_t_be_handled(
    offline: Pair, spoil: str
) -> None:
    refused = {"2"} if spoil == "missing is poison" else set()
    feed = Feed(offline, (picky(refused, by_raising),))
    member = new_member()
    one, two, three = feed.published(*[(member, n) for n in "123"])
    if spoil == "missing is unreadable":
        two = spoiled(two)
    feed.hear([one, three])
    feed.hear([two])
    assert feed.notes(member) == ["1"]
    assert feed.parked()[f"customer/{member}"].events == 2
    assert feed.parked()[f"customer/{member}"].kind == "poison"
    assert feed.skip(member) == (1, 0)
    assert feed.notes(member) == ["1", "3"]


def test_a_gap_can_be_skipped_and_then_the_event_behind_it(offline: Pair) -> None:
    feed = Feed(offline, (picky({"3"}, by_raising),))
    member = new_member()
    one, _, three, four = feed.published(*[(member, n) for n in "1234"])
    feed.hear([one, three, four])
    assert feed.skip(member, "lost by the log") == (0, 2)
    assert feed.skip(member, "entered twice") == (1, 0)
    assert feed.notes(member) == ["1", "4"]
    ((reason,),) = feed.query("SELECT reason FROM skipped_event")
    assert "lost by the log" in reason
    assert "entered twice" in reason


def test_a_fork_waits_and_may_be_skipped(offline: Pair) -> None:
    feed = Feed(offline, (RECORD,))
    member = new_member()
    feed.hear(feed.published((member, "one"), (member, "two")))
    with offline.publisher.engine.begin() as connection:
        connection.execute(text("UPDATE stream_head SET sequence = 1"))
    feed.hear(feed.published((member, "another two"), (member, "three")))
    waits = feed.parked()[f"customer/{member}"]
    assert (waits.kind, waits.events) == ("fork", 2)
    assert feed.notes(member) == ["one", "two"]
    assert feed.skip(member) == (1, 0)
    assert feed.notes(member) == ["one", "two", "three"]


def test_events_delivered_again_have_no_effect_not_even_behind_a_parked_stream(offline: Pair) -> None:
    refused = {"2"}
    feed = Feed(offline, (picky(refused, by_raising),))
    member = new_member()
    messages = feed.published(*[(member, n) for n in "123"])
    feed.hear(messages)
    feed.hear(messages)
    feed.hear(messages + messages)
    refused.clear()
    feed.redrive(member)
    feed.hear(messages)
    assert feed.notes(member) == ["1", "2", "3"]
    assert feed.parked() == {}


def test_too_many_parked_streams_stop_the_subscription_and_leave_the_batch_undone(
    offline: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "LEAST_STREAMS", 4)
    feed = Feed(offline, (picky({"poison"}, by_raising),), share=0.3)
    sound = [new_member() for _ in range(10)]
    feed.hear(feed.published(*[(m, "fine") for m in sound]))
    feed.hear(feed.published(*[(new_member(), "poison") for _ in range(3)]))
    assert len(feed.parked()) == 3
    with pytest.raises(TooManyParked, match="4 streams of main are parked, more than 30%"):
        feed.hear(feed.published((new_member(), "poison"), (sound[0], "more")))
    assert len(feed.parked()) == 3
    assert feed.notes(sound[0]) == ["fine"]


def test_a_stream_is_redriven_with_what_the_consumer_is_just_adding_to_it(offline: Pair) -> None:
    refused = {"1"}
    feed = Feed(offline, (picky(refused, by_raising),))
    member = new_member()
    one, two = feed.published((member, "1"), (member, "2"))
    feed.hear([one])
    refused.clear()
    redriven: list[tuple[int, int]] = []
    thread = threading.Thread(target=lambda: redriven.append(feed.redrive(member)))

    def adding(work: Work) -> None:
        feed.receive(work, feed.incoming([two]))
        thread.start()
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        until(lambda: feed.query(waiting) == [(1,)], why="redrive didn't wait for the consumer")

    feed.hearer.transact(feed.hearer.itself, adding)
    thread.join(20)
    assert redriven == [(2, 0)]
    assert feed.notes(member) == ["1", "2"]
    assert feed.parked() == {}


def test_nothing_can_be_skipped_where_nothing_waits(offline: Pair) -> None:
    feed = Feed(offline, (RECORD,))
    member = new_member()
    (one,) = feed.published((member, "1"))
    with pytest.raises(NotFound):
        feed.skip(member)
    message = feed.incoming([one])[0]
    feed.hearer.transact(feed.hearer.itself, lambda work: parking.park(work.session, "main", message, "poison", "x"))
    with pytest.raises(Conflict):
        feed.skip(member)


def spoiled(message: Message) -> Message:
    """The same event with data that can't be read."""
    key, value = message
    assert value is not None
    begin, end = value.index(b'"data":') + 7, value.index(b',"sequence"')
    return key, value[:begin] + b'{"contact":"\xff"}' + value[end:]
