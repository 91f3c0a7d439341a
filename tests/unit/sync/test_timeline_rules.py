"""Places, links and what an entry says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.sync.timeline.codes import CODES
from services.sync.timeline.lines import Line, duration, lines, money
from services.sync.timeline.rules import About, Entry, Place, about, blank_erased, cursor, mask, mask_others, place_of
from shared.access.grants import ALL_FIELDS, NO_FIELDS, Fields
from shared.customer.fields import Field
from shared.edge.language import catalog
from shared.events.catalogue import FACT_TYPES
from shared.events.facts import EACH, ERASED, FactType

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
URLS = {"callcenter": "http://callcenter.example/"}

places = st.builds(
    Place,
    st.datetimes(timezones=st.just(UTC)),
    st.from_regex(r"[a-z][a-z0-9_.-]{0,30}", fullmatch=True),
    st.integers(1, 2**31 - 1),
    st.sampled_from(["", "0190a2c4-1111-7222-8333-444455556666"]),
)


@given(places)
@example(Place(datetime.min.replace(tzinfo=UTC), "a.b", 1))
@example(Place(datetime.max.replace(tzinfo=UTC), "sync", 2**31 - 1))
@example(Place(AT + timedelta(microseconds=1), "1.2", 3))
def test_a_cursor_names_its_place(place: Place) -> None:
    assert place_of(cursor(place)) == place


@given(st.text())
@example("1.1.")
@example("1.0.sync")
@example("٣.1.sync")
@example("-.1.sync")
@example("9" * 25 + ".1.sync")
@example("1." + "9" * 12 + ".sync")
@example("1.1.a\x00")
def test_any_other_text_is_refused_or_names_a_place_itself(text: str) -> None:
    try:
        place = place_of(text)
    except ValueError:
        return
    assert place_of(cursor(place)) == place
    assert "\x00" not in place.source


def test_a_thing_has_its_page_at_the_service_that_told_of_it() -> None:
    contact = FACT_TYPES["contact.ended"]
    told = about(contact, {"contact": "c/1 ?"}, member="m", source="callcenter", urls=URLS)
    assert told == About("contact", "c/1 ?", "http://callcenter.example/contacts/c%2F1%20%3F")
    assert about(contact, {"contact": "c1"}, member="m", source="sfa", urls=URLS).url is None


def test_what_has_no_page_of_its_kind_has_no_link_or_that_of_a_customer() -> None:
    joined, note = FACT_TYPES["customer.joined"], FACT_TYPES["note.added"]
    assert about(joined, {"other": "m2"}, member="m", source="sync", urls={"sync": "http://s"}).url == (
        "http://s/customers/m2"
    )
    assert about(note, {"note": "n"}, member="m", source="sync", urls={"sync": "http://s"}).url is None


@pytest.mark.parametrize("data", [{}, {"contact": None}, {"contact": 7}, {"contact": ""}])
def test_what_names_nothing_is_about_the_customer(data: dict[str, object]) -> None:
    told = about(FACT_TYPES["contact.ended"], data, member="m", source="callcenter", urls=URLS)
    assert told == About("customer", "m", "http://callcenter.example/customers/m")


@pytest.mark.parametrize("fact_type", [t for t in FACT_TYPES.values() if t.personal], ids=lambda t: t.name)
def test_erased_text_becomes_null_wherever_it_stands(fact_type: FactType) -> None:
    data = _with_texts(fact_type, ERASED)
    assert blank_erased(data, fact_type)
    assert data == _with_texts(fact_type, None)
    clear = _with_texts(fact_type, "clear")
    assert not blank_erased(clear, fact_type)
    assert clear == _with_texts(fact_type, "clear")


def _with_texts(fact_type: FactType, value: str | None) -> dict[str, object]:
    """Data with this value at each place of a personal text."""
    data: dict[str, object] = {}
    for plan in fact_type.personal:
        inner: object = value
        for place, step in reversed(list(enumerate(plan))):
            many = step == "*"
            inner = [inner] if many and place + 1 < len(plan) else {"k" if many else step: inner}
        assert isinstance(inner, dict)
        data |= inner
    return data


def entry(event_type: str, data: dict[str, object] | None, kind: str = "contact") -> Entry:
    return Entry(
        id="e",
        type=event_type,
        title="t",
        occurred=AT,
        recorded=AT,
        source="callcenter",
        author="anna",
        about=About(kind, "c1", None),
        data=data,
    )


def said(event_type: str, data: dict[str, object] | None, kind: str = "contact") -> list[Line]:
    custom = {"custom.router": Field("custom.router", "Router", "text", "latest")}
    return lines(entry(event_type, data, kind), custom, lambda text: text)


def test_lines_leave_out_ids_and_what_the_heading_says() -> None:
    data: dict[str, object] = {"contact": "c1", "agent": "anna", "reason": "no_signal", "outcome": "", "note": "hello"}
    assert said("contact.wrapped_up", data | {"satisfaction": None, "custom": {"router": "AX_3"}}) == [
        Line("Reason", "no signal"),
        Line("Note", "hello", True),
        Line("Router", "AX_3", True),
    ]
    case: dict[str, object] = {"case": "k", "contact": "0190a2c4-1111-7222-8333-444455556666"}
    assert said("case.opened", case | {"requested": "2026-03-01T09:00:00Z"}, "case") == [Line("Requested", AT)]


def test_erased_texts_are_told_of_and_missing_data_are_not() -> None:
    assert said("contact.wrapped_up", {"note": None, "reason": None}) == [Line("Note", None, True)]
    assert said("visit.planned", None) == []


def test_claims_are_told_by_the_labels_of_their_fields() -> None:
    claims = [{"field": "city", "value": "Rome"}, {"field": "shoe", "value": None}, {"field": "custom.router"}]
    assert said("customer.edited", {"claims": claims}, "customer") == [
        Line("City", "Rome", True),
        Line("shoe", None, True),
        Line("Router", None, True),
    ]


def test_an_order_is_told_in_words_and_money() -> None:
    lines = [{"product": "fibre", "name": "Fibre 100", "quantity": 2}, {"product": "router"}]
    data: dict[str, object] = {"order": "o", "lines": lines, "total": 1205, "currency": "EUR", "number": 7}
    assert said("order.placed", data, "order") == [
        Line("Ordered", "2 × Fibre 100, 1 × router"),  # noqa: RUF001
        Line("Total", "12.05"),
        Line("Currency", "EUR"),
    ]
    assert said("segment.entered", {"segment": "high", "because": ["0190a2c4-1111-7222-8333-444455556666"]}, "x") == [
        Line("Segment", "high")
    ]
    assert money(-5) == "-0.05"


def test_an_instant_that_does_not_exist_is_shown_as_it_is() -> None:
    assert said("case.opened", {"requested": "2026-02-30T09:00:00Z"}) == [Line("Requested", "2026-02-30T09:00:00Z")]


@given(st.floats(0, 10**9))
def test_a_duration_is_its_seconds(seconds: float) -> None:
    parts = [int(part) for part in duration(seconds).split(":")]
    assert sum(part * 60**place for place, part in enumerate(reversed(parts))) == round(seconds)
    assert all(part < 60 for part in parts[1:])


def test_durations_in_words() -> None:
    assert [duration(s) for s in (0, 59.6, 125, 3600)] == ["0:00", "1:00", "2:05", "1:00:00"]


def personal_data(fact_type: FactType) -> dict[str, Any]:
    """Data with two texts wherever the type has personal ones."""

    def node(plan: Sequence[str]) -> Any:
        if not plan:
            return "canary"
        if plan[0] != EACH:
            return {plan[0]: node(plan[1:]), "field": "city"}
        return [node(plan[1:]), node(plan[1:])] if plan[1:] else {"one": "canary", "two": "canary"}

    return {plan[0]: node(plan[1:]) for plan in fact_type.personal}


PERSONAL = [fact_type for fact_type in FACT_TYPES.values() if fact_type.personal]


@pytest.mark.parametrize("fact_type", PERSONAL, ids=lambda one: one.name)
def test_who_sees_no_field_sees_no_personal_text_of_any_event(fact_type: FactType) -> None:
    data = personal_data(fact_type)
    gone = mask(data, fact_type, NO_FIELDS)
    assert gone
    assert "canary" not in json.dumps(data)
    whole = personal_data(fact_type)
    assert mask(whole, fact_type, ALL_FIELDS) == []
    assert whole == personal_data(fact_type)


@pytest.mark.parametrize(
    ("channel", "seen", "shown"),
    [
        ("phone", ["phone"], True),
        ("phone", ["email", "text"], False),
        ("email", ["email"], True),
        ("chat", ["phone"], False),
        ("chat", ["phone", "email"], True),
    ],
)
def test_the_address_of_a_contact_is_the_number_or_the_e_mail_address(
    channel: str, seen: list[str], shown: bool
) -> None:
    data = {"channel": channel, "address": "x"}
    assert (mask(data, FACT_TYPES["contact.offered"], Fields(seen)) == []) == shown == ("address" in data)


def test_texts_in_a_list_are_all_taken_out() -> None:
    listed = FactType("x", FACT_TYPES["note.added"].record, "customer", None, 1, (("texts", EACH),))
    data = {"texts": ["a", "b", "c"]}
    assert mask(data, listed, NO_FIELDS) == ["texts.0", "texts.1", "texts.2"]
    assert data == {"texts": []}


def test_another_customer_is_named_only_where_it_is_near() -> None:
    near: dict[str, Any] = {"other": "a", "cluster": "b"}
    assert mask_others(near, {"a"}) == ["cluster"]
    assert near == {"other": "a"}


def test_codes_of_the_platform_are_told_in_the_readers_words() -> None:
    spanish = catalog("es").gettext
    for code, english, told in (
        ("no_stock", "not in stock", "sin existencias"),
        ("on_strike", "on strike", "on strike"),
    ):
        happened = entry("order.delayed", {"order": "o1", "problem": code}, "order")
        assert lines(happened, {}, str) == [Line("Problem", english)]
        assert lines(happened, {}, spanish) == [Line("Problema", told)]


def test_codes_are_of_data_that_events_have() -> None:
    for event_type, name in CODES:
        assert name in FACT_TYPES[event_type].record.__struct_fields__
