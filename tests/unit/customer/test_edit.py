"""The claims of an edit: they say what changed and what was seen, and nothing else."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.customer.claims import Claim
from shared.customer.fields import InvalidValue, UnknownField
from shared.customer.fold import Change, FieldState, edit, fold, fold_field

from .histories import CITY, CUSTOM, PRODUCTS, at, honest, make_claim


def edited(states: Mapping[str, FieldState], changes: Mapping[str, Change]) -> list[Claim]:
    ids = iter(f"new-{n}" for n in range(99))
    return edit(states, changes, CUSTOM, ids=ids, occurred=at(7), source="callcenter", author="ada")


def test_a_claim_names_every_head() -> None:
    record = fold([make_claim("a", "Rome"), make_claim("b", "Milan")], {})
    assert edited(record.states, {"city": "  Turin "}) == [make_claim("new-0", "Turin", "a", "b", minute=7)]


def test_the_first_claim_of_a_field_saw_nothing() -> None:
    assert [(c.field, c.value, c.saw) for c in edited({}, {"custom.limit": "010.50"})] == [("custom.limit", "10.5", ())]


def test_what_is_already_so_needs_no_claim() -> None:
    states = fold([make_claim("a", "Rome"), make_claim("p", "+line", field=PRODUCTS)], {}).states
    assert edited(states, {"city": "Rome ", "email": "", "products": {"line"}, "notes": " "}) == []
    assert edited(states, {"products": "+line"}) == edited(states, {"products": "-fibre"}) == []


def test_a_field_is_emptied_by_an_empty_text() -> None:
    states = fold([make_claim("a", "Rome")], {}).states
    assert [(c.value, c.saw) for c in edited(states, {"city": ""})] == [("", ("a",))]


def test_a_note_is_added_even_if_it_repeats_the_last() -> None:
    claims = edited({}, {"notes": "called"})
    claims += [Claim("n", c.field, c.value, c.saw, c.occurred, c.source, c.author) for c in claims]
    again = edited(fold(claims, {}).states, {"notes": "called"})
    assert [(c.value, c.saw) for c in again] == [("called", ("n", "new-0"))]


@given(honest(PRODUCTS), st.sets(st.sampled_from(["line", "fibre", "caller id"])))
def test_a_set_becomes_what_was_wanted(claims: list[Claim], wanted: set[str]) -> None:
    state = fold_field(PRODUCTS, claims)
    made = edited({"products": state}, {"products": wanted})
    assert fold_field(PRODUCTS, claims + made).value == tuple(sorted(wanted))
    assert {claim.value for claim in made} == {"+" + e for e in wanted - set(state.value)} | {
        "-" + e for e in set(state.value) - wanted
    }


def test_an_element_is_added_and_removed_by_its_sign() -> None:
    made = edited({}, {"products": "+line"})
    states = fold(made, {}).states
    assert [(c.value, c.saw) for c in edited(states, {"products": "-line"})] == [("-line", ("new-0",))]


def test_wrong_names_and_values_are_refused() -> None:
    with pytest.raises(UnknownField):
        edited({}, {"shoe_size": "43"})
    with pytest.raises(InvalidValue, match="true or false is expected"):
        edited({}, {"contact_allowed.phone": "maybe"})
    with pytest.raises(InvalidValue, match="takes one text"):
        edited({}, {CITY.name: ["Rome"]})
