"""Records as people read them."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sync.customers.pages import REASONS
from services.sync.customers.rules import ledger, shown
from shared.access.grants import ALL_FIELDS
from shared.customer.claims import Claim
from shared.customer.fields import BUILT_IN, Field, InvalidValue, UnknownField, parse
from shared.customer.fold import Record, fold
from shared.customer.phones import with_code

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def claim(field: str, value: str, minute: int = 0, saw: tuple[str, ...] = ()) -> Claim:
    return Claim(f"{field}{minute}", field, value, saw, AT + timedelta(minutes=minute), "callcenter", "anna")


def known(*claims: Claim) -> tuple[Record, dict[str, Claim]]:
    return fold(claims, {}), {claim.id: claim for claim in claims}


def test_fields_stand_in_the_order_of_people_and_custom_ones_last() -> None:
    record, claims = known(*(claim(name, "x") for name in ("custom.b", "email", "city", "given_name", "custom.a")))
    names = [field.name for field in shown(record, {}, claims)]
    assert names == ["given_name", "email", "city", "custom.a", "custom.b"]


def test_the_heads_of_a_set_are_those_of_all_its_elements() -> None:
    record, claims = known(claim("products", "+Line"), claim("products", "+Net", 1), claim("products", "-Old", 2))
    [field] = shown(record, {}, claims)
    assert (field.value, field.heads) == (("Line", "Net"), ["products0", "products1", "products2"])


def test_a_conflict_shows_who_said_what() -> None:
    record, claims = known(claim("birth_date", "1980-01-02"), claim("birth_date", "1980-02-01", 1))
    [field] = shown(record, {}, claims)
    assert [(rival.claim, rival.value, rival.author) for rival in field.rivals] == [
        ("birth_date0", "1980-01-02", "anna"),
        ("birth_date1", "1980-02-01", "anna"),
    ]


def test_the_ledger_says_to_whom_a_value_lost_and_by_what_the_matter_was_settled() -> None:
    record, claims = known(
        claim("city", "Rome"), claim("city", "Bari", 1), claim("city", "Turin", 2, ("city0", "city1"))
    )
    [lost] = ledger(record, {}, claims, ALL_FIELDS)
    assert (lost.value, lost.winning_value, lost.settled_by, lost.label) == ("Rome", "Bari", "city2", "City")
    assert lost.reason in REASONS


def test_the_newest_loss_comes_first() -> None:
    record, claims = known(
        claim("city", "Rome"), claim("city", "Bari", 5), claim("country", "IT", 1), claim("country", "FR", 6)
    )
    assert [lost.value for lost in ledger(record, {}, claims, ALL_FIELDS)] == ["IT", "Rome"]


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ((), ""),
        ((claim("family_name", "Ortiz"),), "Ortiz"),
        ((claim("given_name", "Ana"), claim("family_name", "Ortiz"), claim("company", "ACME")), "Ana Ortiz"),
        ((claim("company", "ACME"),), "ACME"),
    ],
)
def test_a_customer_is_called_by_the_best_name_there_is(claims: tuple[Claim, ...], name: str) -> None:
    assert known(*claims)[0].name == name


@pytest.mark.parametrize(
    ("written", "region"),
    [("06 1234 5678", "IT"), ("+39 06 1234-5678", "US"), ("0039 (06) 12345678", "US"), ("+390612345678", "ES")],
)
def test_a_number_in_any_writing_becomes_one(written: str, region: str) -> None:
    assert with_code({"phone": written}, {}, region) == {"phone": "+390612345678"}


@given(st.text(st.characters(exclude_categories=["Nd"]), min_size=1, max_size=40).filter(str.strip))
def test_what_has_no_digits_is_no_number_and_is_not_repeated(text: str) -> None:
    with pytest.raises(InvalidValue, match=r"^phone: a phone number is expected, such as \+1 555 010 0199$"):
        with_code({"phone": text}, {}, "US")


@given(st.text(max_size=40))
def test_what_is_taken_is_a_number_or_empty(text: str) -> None:
    with suppress(InvalidValue):
        assert parse(BUILT_IN["phone"], str(with_code({"phone": text}, {}, "US")["phone"])) is not None


def test_custom_phones_are_numbers_too_and_other_fields_stay() -> None:
    custom = {"custom.fax": Field("custom.fax", "Fax", "phone", "latest")}
    changes = {"custom.fax": "+34 911 234 567", "city": " 06 1234 5678 ", "products": ["Line"], "phone": ""}
    coded = with_code(changes, custom, "US")
    assert coded == {**changes, "custom.fax": "+34911234567"}
    with pytest.raises(UnknownField):
        with_code({"shoe": "42"}, custom, "US")
    assert set(changes) - set(BUILT_IN) == {"custom.fax"}
