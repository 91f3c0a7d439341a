"""What somebody may mean by some words, and what the ledger lets him do."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sync.customers import rules as records
from services.sync.search.rules import Meant, ids_between, meant
from shared.access.grants import ALL_FIELDS, NO_FIELDS
from shared.customer.claims import Claim
from shared.customer.fields import BUILT_IN
from shared.customer.fold import Record, fold_field
from tests.builders import NOON

ID = "019ca9d4-1b70-7e0f-8a35-92c4d16f7b08"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", Meant()),
        ("  Ana Bianchi ", Meant(name="ana bianchi")),
        ("ana@Example.org", Meant(email="ana@Example.org")),
        ("+39 06 1234 5678", Meant(name="39 06 1234 5678", phone="+39 06 1234 5678")),
        ("123", Meant(name="123")),
        ("Studio 2000", Meant(name="studio 2000")),
        (ID.upper(), Meant(id=ID)),
        (ID[:12], Meant(id=ID[:12])),
        ("12345678", Meant(name="12345678", phone="12345678", id="12345678")),
        (ID + "0", Meant(name=(ID + "0").replace("-", " "))),
        ("%_'; --", Meant()),
    ],
)
def test_words_are_understood_in_all_ways_that_they_can_be(words: str, expected: Meant) -> None:
    assert meant(words) == expected


@given(st.uuids(), st.integers(8, 36))
def test_an_id_lies_between_those_that_begin_like_it(id: uuid.UUID, length: int) -> None:
    between = ids_between(str(id)[:length])
    assert between is not None
    least, greatest = map(uuid.UUID, between)
    assert least <= id <= greatest
    assert str(least)[:length] == str(greatest)[:length]


def test_what_no_id_begins_with_is_not_looked_for() -> None:
    assert ids_between("019ca9d41b70") is None


@given(st.text(max_size=60))
def test_no_words_are_too_odd(words: str) -> None:
    found = meant(words)
    assert found.id == "" or found.id in words.lower()


def claims(*values: tuple[str, tuple[int, ...]]) -> dict[str, Claim]:
    """Claims of the city by number: value and the numbers of those that its author saw."""
    made = [
        Claim(str(n), "city", value, tuple(map(str, saw)), NOON + timedelta(minutes=n), "sfa", "rita")
        for n, (value, saw) in enumerate(values)
    ]
    return {one.id: one for one in made}


def entry(known: dict[str, Claim], *, shown: bool = True) -> records.Entry:
    record = Record({"city": fold_field(BUILT_IN["city"], known.values())})
    (only,) = records.ledger(record, {}, known, ALL_FIELDS if shown else NO_FIELDS)
    return only


RIVALS = (("Rome", ()), ("Milan", (0,)), ("Turin", (0,)))


def test_what_lost_can_stand_again() -> None:
    lost = entry(claims(*RIVALS))
    assert (lost.value, lost.winning_value, lost.standing) == ("Milan", "Turin", "Turin")
    assert (lost.restorable, lost.before) == (True, None)


def test_what_stands_again_names_what_it_took_the_place_of() -> None:
    lost = entry(claims(*RIVALS, ("Milan", (1, 2))))
    assert (lost.restorable, lost.before, lost.before_value) == (False, "2", "Turin")


def test_that_is_the_last_value_and_not_the_one_it_once_lost_to() -> None:
    lost = entry(claims(*RIVALS, ("Genoa", (1, 2)), ("Milan", (3,))))
    assert (lost.before, lost.before_value) == ("3", "Genoa")


def test_of_a_masked_field_nothing_is_said_or_offered() -> None:
    lost = entry(claims(*RIVALS, ("Milan", (1, 2))), shown=False)
    assert (lost.value, lost.winning_value, lost.standing, lost.before_value) == (None, None, None, None)
    assert (lost.restorable, lost.before, lost.masked) == (False, None, True)
