"""What holds for every history: the record is a function of the set of claims, and loses none of them."""

import random
import time
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from shared.customer.claims import Claim, heads
from shared.customer.fields import BUILT_IN, Field
from shared.customer.fold import FieldState, fold, fold_field

from .histories import (
    CITY,
    CUSTOM,
    FIELDS,
    NOTES,
    PRODUCTS,
    after,
    at,
    histories,
    honest,
    honest_histories,
    make_claim,
    malformed,
    pasts,
)

History = tuple[Field, list[Claim]]


@given(histories, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(history: History, rng: random.Random) -> None:
    field, claims = history
    other = claims + rng.choices(claims, k=5) if claims else []
    rng.shuffle(other)
    assert fold_field(field, other) == fold_field(field, claims)


@given(st.tuples(*(honest(field) | malformed(field) for field in FIELDS)), st.randoms(use_true_random=False))
def test_fields_fold_independently(histories: tuple[list[Claim], ...], rng: random.Random) -> None:
    claims = [claim for history in histories for claim in history]
    rng.shuffle(claims)
    record = fold(claims, CUSTOM)
    assert record.states == {
        field.name: fold_field(field, history) for field, history in zip(FIELDS, histories, strict=True) if history
    }
    assert list(record.states) == sorted(record.states)
    assert record.values == {name: state.value for name, state in record.states.items()}


@given(histories, st.data())
def test_any_part_first_and_the_rest_later_is_the_same(history: History, data: st.DataObject) -> None:
    field, claims = history
    early = data.draw(st.lists(st.sampled_from(claims)) if claims else st.just([]))
    fold_field(field, early)
    late = [claim for claim in claims if claim not in early]
    assert fold_field(field, early + late) == fold_field(field, late + early) == fold_field(field, claims)


@given(honest_histories, st.data())
def test_missing_parents_never_hide_a_claim(history: History, data: st.DataObject) -> None:
    field, claims = history
    part = data.draw(st.lists(st.sampled_from(claims), unique=True) if claims else st.just([]))
    assert_nothing_lost(field, part, fold_field(field, part))


@given(honest_histories)
def test_no_claim_is_ever_lost(history: History) -> None:
    field, claims = history
    assert_nothing_lost(field, claims, fold_field(field, claims))


def assert_nothing_lost(field: Field, claims: list[Claim], state: FieldState) -> None:
    """Every claim stands, or was replaced by somebody who saw it, or is in the ledger with its value."""
    replaced = {id for claim in claims for id in claim.saw}
    lost = {lost.claim: lost.value for lost in state.ledger}
    for claim in claims:
        in_ledger = lost.get(claim.id) == claim.value
        assert stands(field, claim, state) or claim.id in replaced or in_ledger


def stands(field: Field, claim: Claim, state: FieldState) -> bool:
    if field is PRODUCTS:
        return (claim.value[1:] in state.value) == (claim.value[0] == "+")
    if field.many:
        return claim.value in state.value
    return claim.value == state.value


@given(honest_histories, st.data())
def test_the_ledger_survives_being_settled(history: History, data: st.DataObject) -> None:
    field, claims = history
    before = fold_field(field, claims)
    value = data.draw(st.sampled_from([claim.value for claim in claims] or ["+line"]))
    last = after(before, "z", value, minute=data.draw(st.integers(-9, 9)), source="sync")
    state = fold_field(field, [*claims, last])
    touched = {lost.claim for lost in before.ledger if field is not PRODUCTS or lost.value[1:] == value[1:]}
    assert {lost.claim for lost in before.ledger} == {lost.claim for lost in state.ledger}
    assert all(lost.settled_by for lost in state.ledger if lost.claim in touched)
    assert not state.open


@given(
    st.sampled_from([f for f in FIELDS if f.policy in ("latest", "ask_a_person", "most_restrictive")]),
    st.data(),
)
def test_the_ledger_is_who_stood_beside_the_picked_claim(field: Field, data: st.DataObject) -> None:
    claims = {claim.id: claim for claim in data.draw(honest(field))}
    state = fold_field(field, claims.values())
    past = pasts(claims.values())
    groups = [claim.saw for claim in claims.values()] + [state.heads.get("", ())]
    expected = set()
    for group in groups:
        rivals = [id for id in group if not any(id in past[other] for other in group)]
        values = {claims[id].value for id in rivals}
        standing = fold_field(field, [claims[id] for id in rivals]).value
        assert not rivals or standing in values
        expected |= {id for id in rivals if claims[id].value != standing}
    assert {lost.claim for lost in state.ledger} == expected


@given(honest(CITY))
def test_heads_are_the_claims_that_nobody_saw(claims: list[Claim]) -> None:
    seen = set().union(*pasts(claims).values())
    assert {claim.id for claim in heads(claims)} == {claim.id for claim in claims} - seen


@given(st.lists(st.sampled_from(["Rome", "Milan", "Turin"]), min_size=1), st.randoms(use_true_random=False))
def test_edits_one_after_the_other_leave_the_last_and_an_empty_ledger(values: list[str], rng: random.Random) -> None:
    claims: list[Claim] = []
    for n, value in enumerate(values):
        # Clocks may go backwards: what was seen counts more than when.
        claims.append(after(fold_field(CITY, claims), str(n), value, minute=rng.randint(0, 5)))
    state = fold_field(CITY, claims)
    assert (state.value, state.ledger) == (values[-1], ())


@given(histories)
def test_an_erased_record_is_empty(history: History) -> None:
    field, claims = history
    state = fold_field(field, erased(claims))
    assert not state.value
    assert not state.open
    assert not any(lost.value or lost.reason == "malformed" for lost in state.ledger)


def erased(claims: Iterable[Claim]) -> list[Claim]:
    return [Claim(c.id, c.field, "", c.saw, c.occurred, c.source, c.author) for c in claims]


@given(histories)
def test_an_erased_copy_of_a_claim_hides_the_readable_one(history: History) -> None:
    field, claims = history
    assert fold_field(field, claims + erased(claims)).value == fold_field(field, erased(claims)).value


def test_a_claim_that_saw_another_through_a_missing_one_replaces_it_when_that_arrives() -> None:
    first, middle, last = (
        make_claim("a", "Rome", minute=9),
        make_claim("b", "Milan", "a"),
        make_claim("c", "Turin", "b"),
    )
    assert [lost.claim for lost in fold_field(CITY, [first, last]).ledger] == ["c"]
    state = fold_field(CITY, [last, first, middle])
    assert (state.value, state.ledger, state.heads) == ("Turin", (), {"": ("c",)})


def test_what_was_seen_twice_on_different_ways_was_no_conflict() -> None:
    chain = [make_claim("a", "Rome"), make_claim("b", "Milan", "a"), make_claim("c", "Turin", "b")]
    for last in (make_claim("d", "Bari", "a", "b"), make_claim("d", "Bari", "a", "c")):
        assert "a" not in {lost.claim for lost in fold_field(CITY, [*chain, last]).ledger}


def test_claims_in_a_circle_stand_side_by_side_until_an_honest_one_saw_them() -> None:
    circle = [make_claim("a", "Rome", "b"), make_claim("b", "Milan", "a", "b"), make_claim("r", "Turin")]
    state = fold_field(CITY, circle)
    assert (state.value, state.heads) == ("Turin", {"": ("a", "b", "r")})
    settled = fold_field(CITY, [*circle, after(state, "z", "Rome")])
    assert (settled.value, settled.heads) == ("Rome", {"": ("z",)})
    assert [(lost.claim, lost.settled_by) for lost in settled.ledger] == [("a", "z"), ("b", "z")]


def test_a_long_history_needs_no_recursion_and_no_square_time() -> None:
    chain = [make_claim(f"{n:06}", str(n), f"{n - 1:06}") for n in range(20_000)]
    before = time.process_time()
    assert fold_field(CITY, reversed(chain)).value == "19999"
    assert time.process_time() - before < 2


def test_a_field_ignores_the_claims_of_others() -> None:
    assert fold_field(CITY, [make_claim("a", "Rome"), make_claim("b", "called", "a", field=NOTES)]).value == "Rome"


def test_claims_of_a_field_that_is_not_known_here_are_left_out() -> None:
    newer = Claim("n", "shoe_size", "43", (), at(0), "sync", "ada")
    assert fold([newer, make_claim("a", "Rome")], {}).values == {"city": "Rome"}
    assert "shoe_size" not in BUILT_IN
