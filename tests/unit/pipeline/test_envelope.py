"""What is published is read back; whatever else is found in a topic is malformed, and nothing worse."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.events import envelope
from shared.events.callcenter import ContactWrappedUp
from shared.events.envelope import LARGEST, Envelope, Malformed, UnknownVersion, known_type, message, parse, version_of
from shared.events.facts import to_data, type_of
from shared.pipeline.incoming import of
from shared.pipeline.keys import KeyRecord, open_fact, parse_record

MEMBER = "01890000-0000-7000-8000-000000000000"
STREAM = f"customer/{MEMBER}"
ID = "01890000-0000-7000-8000-000000000001"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
FACT = ContactWrappedUp(contact="c", agent="anna", reason="billing", outcome="solved")


def body(**overrides: Any) -> bytes:
    values = {
        "id": ID,
        "source": "callcenter",
        "stream": STREAM,
        "occurred": NOW,
        "recorded": NOW,
        "author": "anna",
        **overrides,
    }
    return envelope.body(type_of(FACT), to_data(FACT), **values)


def changed(**attributes: Any) -> bytes:
    """A sound message but for these attributes; one that is none is left out."""
    sound = json.loads(message(body(), 1)) | attributes
    return json.dumps({name: value for name, value in sound.items() if value is not None}).encode()


def read(raw: bytes | None, stream: str = STREAM) -> Envelope:
    return parse(raw, source="callcenter", stream=stream)


@given(st.integers(1, 2**31 - 1), st.text(max_size=30), st.none() | st.just(ID), st.booleans())
def test_what_was_published_is_read_back(sequence: int, author: str, cause: str | None, history: bool) -> None:
    raw = message(body(author=author, cause=cause, history=history), sequence)
    found = read(raw)
    assert (found.id, found.source, found.subject, found.sequence) == (ID, "callcenter", STREAM, sequence)
    assert (found.time, found.authid, found.cause, found.history) == (NOW, author, cause, history)
    assert open_fact(found, {("callcenter", MEMBER): None}) == FACT
    assert list(json.loads(raw))[-1] == "sequence"


def test_an_event_too_large_is_refused_with_its_size() -> None:
    with pytest.raises(ValueError, match=f"may have {LARGEST}"):
        body(author="x" * LARGEST)


@given(st.binary(max_size=200))
@example(b"\xff")
@example(b"[" * 100_000)
@example(b"9" * 5_000)
def test_arbitrary_bytes_are_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed):
        read(raw)


@given(st.integers(0, 400), st.binary(max_size=3))
def test_a_damaged_event_is_malformed_or_still_of_its_place(place: int, damage: bytes) -> None:
    raw = message(body(), 1)
    raw = raw[:place] + damage + raw[place + len(damage) :]
    found = of("callcenter.events", 0, 0, STREAM.encode(), raw)
    if found.envelope is None:
        assert found.fault
    else:
        assert (found.envelope.source, found.envelope.subject) == ("callcenter", STREAM)


@pytest.mark.parametrize(
    "attributes",
    [
        {"specversion": "0.3"},
        {"specversion": "\x00"},
        {"specversion": None},
        {"id": "not-a-uuid"},
        {"id": ID.upper().replace("0", "A")},
        {"source": "sync"},
        {"subject": STREAM[:-1] + "9"},
        {"type": 7},
        {"time": "yesterday"},
        {"time": "2026-03-02T12:00:00"},
        {"recordedtime": "2026-03-02T12:00:00"},
        {"sequence": None},
        {"sequence": 1},
        {"sequence": "1"},
        {"sequence": "0000000000"},
        {"sequence": "-000000001"},
        {"sequence": "00000001.0"},
        {"sequence": "\u0660" * 9 + "\u0661"},
        {"sequence": "2147483648"},
        {"sequence": "0000000001\n"},
        {"type": "custom_field.defined", "dataschema": "urn:crm:custom_field.defined:1"},
    ],
)
def test_a_wrong_attribute_is_malformed_and_the_reason_can_be_stored(attributes: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as refused:
        read(changed(**attributes))
    assert "\x00" not in str(refused.value)


def test_a_message_without_a_value_is_malformed() -> None:
    with pytest.raises(Malformed):
        read(None)


@pytest.mark.parametrize("stream", ["customer/", "customer/42", f"customer/{MEMBER.upper()}x"])
def test_a_customer_s_stream_is_named_by_a_member(stream: str) -> None:
    with pytest.raises(Malformed):
        read(changed(subject=stream), stream)


def test_unknown_attributes_and_types_are_read_over() -> None:
    found = read(changed(type="contact.praised", dataschema="urn:crm:contact.praised:9", partitionkey="x"))
    assert known_type(found) is None
    assert open_fact(found, {}) is None


def test_data_of_a_newer_version_are_told_from_malformed_ones() -> None:
    with pytest.raises(UnknownVersion):
        known_type(read(changed(dataschema="urn:crm:contact.wrapped_up:2")))


@given(st.text(max_size=20) | st.sampled_from(["0", "01", "-1", "1.0", "\u00b2", "\u0663", "9" * 5_000]))
def test_a_schema_s_version_is_a_plain_number_or_malformed(version: str) -> None:
    found = read(changed(dataschema=f"urn:crm:contact.wrapped_up:{version}"))
    if re.fullmatch("[1-9][0-9]{0,8}", version):
        assert version_of(found) == int(version)
    else:
        with pytest.raises(Malformed):
            version_of(found)


@given(st.none() | st.binary(max_size=80), st.none() | st.binary(max_size=80))
def test_whatever_lies_in_a_topic_has_a_place_and_a_reason(key: bytes | None, value: bytes | None) -> None:
    found = of("callcenter.events", 2, 7, key, value)
    assert found.source == "callcenter"
    assert found.stream
    assert "\x00" not in found.stream + found.fault
    assert found.envelope is None
    assert found.fault


@given(st.none() | st.binary(max_size=60))
@example(b'{"wrapped":"\xff"}')
@example(b'{"wrapped":' + b"[" * 100_000)
@example(b'{"wrapped":"\\u0000"}')
def test_a_key_record_that_can_t_be_read_says_nothing(value: bytes | None) -> None:
    found = parse_record(value)
    assert found == KeyRecord(erased=True) if value is None else found in (KeyRecord(), KeyRecord(erased=True))


def test_a_key_record_is_read_back() -> None:
    for record in (KeyRecord("name:d3JhcHBlZA=="), KeyRecord(erased=True)):
        assert parse_record(msgspec.json.encode(record)) == record
