"""Members' keys: there before they are needed, refused once the member is erased, never guessed to be gone."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from confluent_kafka.admin import AdminClient
from msgspec import structs
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.events.callcenter import ContactWrappedUp
from shared.events.envelope import Event
from shared.events.facts import ERASED, Erased
from shared.pipeline import incoming, keyreader, keys, topics
from shared.pipeline.incoming import Incoming
from shared.pipeline.keys import KeyRecord
from shared.pipeline.reading import stretch
from shared.pipeline.sealing import KeyEncryptionKeys, new_key
from shared.pipeline.service import Service
from shared.pipeline.work import Work
from tests.integration.pipeline.feed import Feed, slice_of
from tests.integration.pipeline.running import produce, worker, working
from tests.probe import ANNA, RECORD, Pair, new_member, publish, until, wrapped_up


def erase(service: Service, *members: str) -> None:
    service.transact(service.itself, lambda work: keys.erase(work, members))


def rows(service: Service, sql: str) -> list[tuple[Any, ...]]:
    with Session(service.engine) as session:
        return [tuple(row) for row in session.execute(text(sql))]


def on_record(service: Service) -> dict[str, KeyRecord]:
    """What a service's keys topic says of each key when it is read to its end."""
    return {
        (message.key() or b"").decode(): keys.parse_record(message.value())
        for batch in stretch(service.kafka, service.keys_topic, {})
        for message in batch
    }


def test_a_member_has_one_key_that_stands_in_the_outbox_before_its_first_event(offline: Pair) -> None:
    one, two = new_member(), new_member()
    publish(offline.publisher, (one, "a"), (two, "b"))
    publish(offline.publisher, (one, "c"))
    found = rows(offline.publisher, "SELECT sequence IS NULL, split_part(stream, '/', 1) FROM outbox ORDER BY id")
    assert [is_key for is_key, _ in found] == [True, True, False, False, False]
    assert sorted(member for is_key, member in found if is_key) == sorted([one, two])


def test_a_service_that_joins_after_an_erasure_reads_the_rest_and_nothing_of_the_erased(pair: Pair) -> None:
    kept, gone = new_member(), new_member()
    notes: dict[str, str] = {}

    def collect(work: object, events: list[Any]) -> None:
        notes.update({e.stream.partition("/")[2]: e.fact.note for e in events})

    pair.slices = (RECORD, slice_of(collect, "collect"))
    publish(pair.publisher, (kept, "called about the bill"), (gone, "canary"))
    with pair.relaying():
        until(lambda: pair.unsent() == 0)
        erase(pair.publisher, gone)
        until(lambda: pair.unsent() == 0)
        with pair.consuming():
            pair.heard(2)
            assert notes[kept] == "called about the bill"
            assert isinstance(notes[gone], Erased)
            publish(pair.publisher, (gone, "canary again"))
            assert pair.heard(3)[-1] == (f"customer/{gone}", 2, ERASED)
    said = {name.partition("/")[0]: record for name, record in on_record(pair.publisher).items()}
    assert said[gone].erased
    assert not said[gone].wrapped
    assert not said[kept].erased
    assert [str(member) for (member,) in rows(pair.hearer, "SELECT member FROM erased_member")] == [gone]


def test_keys_of_the_past_are_read_once_and_those_of_news_when_they_come(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[list[str]] = []
    asked: list[int] = []
    catch_up, without_key = keyreader.catch_up, keys.without_key

    def noted_reading(service: Service, sources: Iterable[str]) -> None:
        read.append([*sources])
        catch_up(service, read[-1])

    def noted_asking(session: Session, places: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        wanted = [*places]
        asked.append(len(wanted))
        return without_key(session, wanted)

    monkeypatch.setattr(keyreader, "catch_up", noted_reading)
    monkeypatch.setattr(keyreader, "without_key", noted_asking)
    source = pair.publisher.name
    events = f"{source}{topics.EVENTS}"

    def told(*members: str) -> list[Incoming]:
        publish(pair.publisher, *[(member, "said") for member in members])
        until(lambda: pair.unsent() == 0)
        return [
            incoming.read(message)
            for batch in stretch(pair.publisher.kafka, events, {})
            for message in batch
            if (message.key() or b"").decode().removeprefix("customer/") in members
        ]

    def ends() -> dict[tuple[str, int], int]:
        admin = AdminClient(dict(pair.publisher.kafka))
        return {(events, p): end for p, end in topics.ends(admin, events, topics.partitions_of(admin, events)).items()}

    ahead = keyreader.KeysAhead(pair.hearer)
    with pair.relaying():
        past = [told(new_member(), new_member()) for _ in range(3)]
        ahead.seen(ends())
        for batch in past:
            ahead.ensure(batch)
        assert read == [[source]]
        assert asked == [2]
        news = told(new_member())
        for _ in range(2):
            ahead.ensure(news)
        assert read == [[source]] * 2
        # Whose key was read is seen at the next look.
        assert asked == [2, 1, 1]
    assert rows(pair.hearer, "SELECT count(*) FROM member_key") == [(7,)]


def test_nothing_that_an_erased_member_says_leaves_in_the_clear_or_sealed(offline: Pair) -> None:
    member = new_member()
    erase(offline.publisher, member)
    publish(offline.publisher, (member, "canary"))
    ((body,),) = rows(offline.publisher, "SELECT body FROM outbox")
    assert b'"note":""' in bytes(body) or b"note" not in bytes(body)


def test_a_key_that_comes_after_the_erasure_is_refused(offline: Pair) -> None:
    feed = Feed(offline, (RECORD,))
    member = new_member()
    publish(offline.publisher, (member, "canary"))
    (message,) = feed.drained(with_keys=False)
    erase(offline.hearer, member)
    feed.hand_over_keys()
    assert feed.query("SELECT 1 FROM member_key") == []
    feed.hear([message])
    assert feed.notes(member) == [ERASED]
    assert feed.parked() == {}


def test_an_own_key_that_a_frozen_relay_sends_after_the_erasure_is_marked_as_erased_again(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.pipeline.worker.UPKEEP_SECONDS", 0.1)
    member = new_member()
    publish(pair.publisher, (member, "canary"))
    ((name, record),) = rows(pair.publisher, "SELECT stream, body FROM outbox WHERE sequence IS NULL")
    with pair.relaying():
        until(lambda: pair.unsent() == 0)
        erase(pair.publisher, member)
        until(lambda: pair.unsent() == 0)
        produce(pair.publisher, pair.publisher.keys_topic, [(name.encode(), bytes(record))])
    assert not on_record(pair.publisher)[name].erased
    with working(pair, worker(pair.publisher)):
        until(lambda: on_record(pair.publisher)[name].erased)


def test_a_missing_key_parks_the_stream_until_it_is_there(offline: Pair) -> None:
    feed = Feed(offline, (RECORD,))
    member, other = new_member(), new_member()
    publish(offline.publisher, (member, "sealed"))
    (message,) = feed.drained(with_keys=False)
    feed.hear([message])
    feed.hear([*feed.published((other, "fine"))][:1])
    (waits,) = feed.parked().values()
    assert (waits.stream, waits.kind) == (f"customer/{member}", "poison")
    assert "isn't here" in waits.reason
    assert feed.redrive(member) == (1, 0)
    assert feed.notes(member) == ["sealed"]
    assert feed.notes(other) == ["fine"]


def test_a_slice_that_uses_no_personal_field_needs_no_key(offline: Pair) -> None:
    feed = Feed(offline, (replace(RECORD, sealed=True),))
    member = new_member()
    publish(offline.publisher, (member, "canary"))
    feed.hear(feed.drained(with_keys=False))
    assert feed.parked() == {}
    (note,) = feed.notes(member)
    assert note.startswith("1:")
    assert "canary" not in note


def test_what_one_slice_needs_opened_is_opened_for_all(offline: Pair) -> None:
    heard: list[str] = []
    sealed = replace(slice_of(lambda _, events: heard.extend(e.fact.note for e in events), "sealed"), sealed=True)  # type: ignore[union-attr]
    feed = Feed(offline, (RECORD, sealed))
    member = new_member()
    feed.hear(feed.published((member, "clear")))
    assert feed.notes(member) == heard == ["clear"]


def test_for_a_slice_that_uses_own_fields_only_what_has_any_is_opened(offline: Pair) -> None:
    heard: list[tuple[str, dict[str, str]]] = []

    def note(_: Work, events: Sequence[Event]) -> None:
        heard.extend((e.fact.note[:2], e.fact.custom) for e in events if isinstance(e.fact, ContactWrappedUp))

    feed = Feed(offline, (replace(slice_of(note, "custom"), custom_only=True),))
    without, having = new_member(), new_member()
    # What somebody writes can't pass for a field.
    publish(offline.publisher, (without, '{"custom":{"floor":"3"}}'))
    feed.hear(feed.drained(with_keys=False))
    fact = structs.replace(wrapped_up("No way in"), custom={"floor": "3"})
    offline.publisher.transact(ANNA, lambda work: work.publish(f"customer/{having}", fact) and None)
    feed.hear(feed.drained())
    assert feed.parked() == {}
    assert heard == [("1:", {}), ("No", {"floor": "3"})]


def test_a_key_that_can_t_be_unwrapped_parks_only_who_needs_it(offline: Pair) -> None:
    feed = Feed(offline, (RECORD,))
    member, other = new_member(), new_member()
    publish(offline.publisher, (member, "sealed"), (other, "fine"))
    messages = feed.drained(with_keys=False)
    foreign = KeyEncryptionKeys.from_text("foreign:" + base64.b64encode(bytes(32)).decode())
    wrapped = foreign.wrap(new_key()[1], source=offline.publisher.name, member=member)
    feed.known_keys = {
        (m, key_id): KeyRecord(wrapped) if m == member else r for (m, key_id), r in feed.known_keys.items()
    }
    feed.hand_over_keys()
    feed.hear(messages)
    assert set(feed.parked()) == {f"customer/{member}"}
    assert feed.notes(other) == ["fine"]


def test_text_that_was_moved_to_another_event_parks_its_stream(offline: Pair) -> None:
    feed = Feed(offline, (RECORD,))
    member = new_member()
    one, two = feed.published((member, "one"), (member, "two"))
    note = {n: msgspec.json.decode(m[1] or b"")["data"]["note"].encode() for n, m in enumerate((one, two))}
    assert two[1] is not None
    feed.hear([one, (two[0], two[1].replace(note[1], note[0]))])
    assert feed.notes(member) == ["one"]
    assert "doesn't open" in feed.parked()[f"customer/{member}"].reason


def test_erasing_forgets_every_source_s_key_of_the_member_and_marks_only_its_own(offline: Pair) -> None:
    feed = Feed(offline, (RECORD,))
    member = new_member()
    feed.hear(feed.published((member, "from the publisher")))
    publish(offline.hearer, (member, "from the hearer"))
    assert len(feed.query("SELECT 1 FROM member_key")) == 2
    erase(offline.hearer, member)
    assert feed.query("SELECT 1 FROM member_key") == []
    said = [keys.parse_record(bytes(body)) for (body,) in feed.query("SELECT body FROM outbox WHERE sequence IS NULL")]
    assert said[0].wrapped
    assert said[1:] == [KeyRecord(erased=True)]
