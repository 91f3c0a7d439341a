"""Phone numbers in any writing, and the terms by which customers are found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.callcenter.customers import rules
from shared.customer.phones import NotAPhone, e164
from shared.customer.searching import plain

NUMBERS = st.sampled_from(["+12125550123", "+15550100199", "+442079460018", "+33142685300", "+34911234567"])
SPACES = st.sampled_from(["", " ", "-", ".", " - "])


@st.composite
def written(draw: st.DrawFn) -> tuple[str, str]:
    """A number and one of the ways to write it."""
    number = draw(NUMBERS)
    digits = number[1:]
    cuts = sorted(draw(st.sets(st.integers(2, len(digits) - 1), max_size=4)))
    parts = [digits[a:b] for a, b in zip([0, *cuts], [*cuts, len(digits)], strict=True)]
    text = draw(SPACES).join(parts)
    return number, draw(st.sampled_from(["+", "00", "00 ", "tel:+", " +", "(00)"])) + text


@given(written())
def test_a_number_is_the_same_in_any_international_writing(case: tuple[str, str]) -> None:
    number, text = case
    assert e164(text, "US") == number
    assert e164(text, "ES") == number


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("+1 (555) 010-0199", "US", "+15550100199"),
        ("0015550100199", "US", "+15550100199"),
        ("555.010.0199", "US", "+15550100199"),
        ("1-555-010-0199", "US", "+15550100199"),
        ("011 44 20 7946 0018", "US", "+442079460018"),
        ("+44 (0)20 7946 0018", "US", "+442079460018"),
        ("020 7946 0018", "GB", "+442079460018"),
        ("212 555 0123 ext. 12", "US", "+12125550123"),
        ("06 1234 5678", "IT", "+390612345678"),
    ],
)
def test_national_writings_need_the_country(text: str, region: str, number: str) -> None:
    assert e164(text, region) == number


@pytest.mark.parametrize("text", ["", "anonymous", "101", "12345678901234567890", "00", "+", "call me"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(NotAPhone):
        e164(text, "US")


@given(st.text())
def test_any_text_is_a_number_or_refused_and_a_number_stays_as_it_is(text: str) -> None:
    try:
        number = e164(text, "US")
    except NotAPhone:
        return
    assert e164(number, "ES") == number


def test_an_address_is_looked_up_by_what_it_is() -> None:
    assert rules.address_term("Ada@Example.org", "US") == ("email", "ada@example.org")
    assert rules.address_term("212-555-0123", "US") == ("phone", "+12125550123")
    assert rules.address_term("withheld", "US") is None


def test_names_are_found_without_accents_and_capitals() -> None:
    assert plain("José García-Núñez") == "jose garcia nunez"


@given(st.text(max_size=40))
def test_the_words_of_a_name_are_letters_and_digits(name: str) -> None:
    assert all(word.isalnum() for word in plain(name).split())
