"""What each policy promises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.customer.claims import Claim
from shared.customer.fields import Field, PolicyName
from shared.customer.fold import FieldState, Lost, fold, fold_field
from shared.customer.policies import POLICIES, UNDISPUTED, undisputed

from .histories import (
    BIRTH_DATE,
    CITY,
    LIMIT,
    NOTES,
    PHONE_ALLOWED,
    PRODUCTS,
    after,
    honest,
    make_claim,
    malformed,
    pasts,
)


def test_every_policy_name_has_its_function() -> None:
    assert set(POLICIES) == set(PolicyName.__args__)  # type: ignore[attr-defined]


@given(st.sampled_from([CITY, PHONE_ALLOWED, BIRTH_DATE]), st.text(), st.lists(st.sampled_from(["a", "b"])))
def test_a_claim_alone_is_folded_as_the_policy_would(field: Field, value: str, saw: list[str]) -> None:
    claim = make_claim("a", value, *saw, field=field)
    assert field.policy in UNDISPUTED
    assert undisputed(field, claim) == POLICIES[field.policy](field, [claim]) == fold_field(field, [claim])


class TestLatest:
    def test_of_two_concurrent_edits_the_later_stands_and_the_other_is_in_the_ledger(self) -> None:
        root = make_claim("r", "Rome")
        claims = [root, make_claim("a", "Milan", "r", minute=2), make_claim("b", "Turin", "r", minute=1)]
        state = fold_field(CITY, claims)
        assert state.value == "Milan"
        assert state.ledger == (Lost("b", "city", "Turin", "a", "later"),)

    def test_at_the_same_instant_the_greater_id_stands(self) -> None:
        assert fold_field(CITY, [make_claim("b", "Turin"), make_claim("a", "Milan")]).value == "Turin"

    def test_the_same_value_twice_is_no_conflict(self) -> None:
        state = fold_field(CITY, [make_claim("a", "Rome", minute=1), make_claim("b", "Rome")])
        assert (state.value, state.ledger, state.heads) == ("Rome", (), {"": ("b", "a")})

    def test_the_loser_names_who_settled_it(self) -> None:
        claims = [make_claim("a", "Rome"), make_claim("b", "Milan", minute=1)]
        claims.append(after(fold_field(CITY, claims), "c", "Rome", minute=-5))
        state = fold_field(CITY, claims)
        assert state.value == "Rome"
        assert state.ledger == (Lost("a", "city", "Rome", "b", "later", settled_by="c"),)

    def test_of_two_who_settled_it_the_first_is_named(self) -> None:
        claims = [make_claim("a", "Rome"), make_claim("b", "Milan", minute=1)]
        state = fold_field(CITY, claims)
        claims += [after(state, "c", "Turin", minute=3), after(state, "d", "Turin", minute=2)]
        assert [(lost.claim, lost.settled_by) for lost in fold_field(CITY, claims).ledger] == [("a", "d")]

    def test_who_saw_only_the_loser_replaces_it(self) -> None:
        claims = [make_claim("a", "Rome"), make_claim("b", "Milan", minute=9), make_claim("c", "Turin", "a")]
        assert [(lost.claim, lost.winner) for lost in fold_field(CITY, claims).ledger] == [("c", "b")]


class TestAddRemoveSet:
    @given(honest(PRODUCTS))
    def test_an_element_is_in_while_one_of_its_adds_was_seen_by_no_remove(self, claims: list[Claim]) -> None:
        past = pasts(claims)
        removed = set().union(*(past[claim.id] for claim in claims if claim.value[0] == "-"))
        model = {claim.value[1:] for claim in claims if claim.value[0] == "+" and claim.id not in removed}
        assert fold_field(PRODUCTS, claims).value == tuple(sorted(model))

    def test_add_wins_over_a_concurrent_remove_which_is_in_the_ledger(self) -> None:
        claims = [
            make_claim("a", "+line", field=PRODUCTS),
            make_claim("b", "-line", "a", field=PRODUCTS, minute=9),
            make_claim("c", "+line", "a", field=PRODUCTS),
        ]
        state = fold_field(PRODUCTS, claims)
        assert state.value == ("line",)
        assert state.ledger == (Lost("b", "products", "-line", "c", "add_wins"),)
        settled = fold_field(PRODUCTS, [*claims, after(state, "d", "-line")])
        assert settled.value == ()
        assert settled.ledger == (Lost("b", "products", "-line", "c", "add_wins", settled_by="d"),)

    def test_elements_are_independent(self) -> None:
        claims = [make_claim("a", "+line", field=PRODUCTS), make_claim("b", "-fibre", "a", field=PRODUCTS)]
        state = fold_field(PRODUCTS, claims)
        assert (state.value, state.heads) == (("line",), {"fibre": ("b",), "line": ("a",)})

    def test_what_is_neither_add_nor_remove_is_in_the_ledger(self) -> None:
        state = fold_field(PRODUCTS, [make_claim("a", "line", field=PRODUCTS)])
        assert (state.value, state.ledger) == ((), (Lost("a", "products", "line", None, "malformed"),))


class TestAppendOnly:
    @given(honest(NOTES))
    def test_every_value_is_kept_in_order(self, claims: list[Claim]) -> None:
        state = fold_field(NOTES, claims)
        assert state.value == tuple(c.value for c in sorted(claims, key=lambda c: (c.occurred, c.id)))
        assert not state.ledger


class TestMostRestrictive:
    @given(honest(PHONE_ALLOWED) | malformed(PHONE_ALLOWED), st.integers(-9, 9), st.sampled_from(["true", ""]))
    def test_who_did_not_see_a_refusal_never_loosens_it(self, claims: list[Claim], minute: int, value: str) -> None:
        before = fold_field(PHONE_ALLOWED, claims)
        unaware = make_claim("z", value, field=PHONE_ALLOWED, minute=minute)
        state = fold_field(PHONE_ALLOWED, [*claims, unaware])
        if before.value == "false":
            assert state.value == "false"
            assert ("z", "stricter") in {(lost.claim, lost.reason) for lost in state.ledger}

    def test_who_saw_the_refusal_may_loosen_it(self) -> None:
        refused = make_claim("a", "false", field=PHONE_ALLOWED)
        state = fold_field(PHONE_ALLOWED, [refused])
        assert fold_field(PHONE_ALLOWED, [refused, after(state, "b", "true")]).value == "true"

    def test_not_known_is_stricter_than_allowed(self) -> None:
        claims = [make_claim("a", "", field=PHONE_ALLOWED), make_claim("b", "true", field=PHONE_ALLOWED)]
        assert fold_field(PHONE_ALLOWED, claims).value == ""


class TestOwnerOnly:
    @given(honest(LIMIT) | malformed(LIMIT))
    def test_other_sources_never_win_and_all_stand_in_the_ledger(self, claims: list[Claim]) -> None:
        state = fold_field(LIMIT, claims)
        known = {claim.id for claim in claims}
        own = {claim.id: claim.value for claim in claims if claim.source == "sync"}
        foreign = known - own.keys()
        assert foreign <= {lost.claim for lost in state.ledger if lost.reason == "not_owner"}
        assert state.value in {"", *(c.value for c in claims if c.source == "sync")}
        assert all(lost.winner is None or lost.winner in own for lost in state.ledger)

    def test_the_owner_sees_through_the_claims_of_others(self) -> None:
        claims = [
            make_claim("a", "100", field=LIMIT, source="sync", minute=9),
            make_claim("b", "900", "a", field=LIMIT),
            make_claim("c", "200", "b", field=LIMIT, source="sync"),
        ]
        state = fold_field(LIMIT, claims)
        assert (state.value, state.heads) == ("200", {"": ("c",)})
        assert state.ledger == (Lost("b", "custom.limit", "900", "c", "not_owner", settled_by="c"),)

    def test_without_a_claim_of_the_owner_nothing_is_known(self) -> None:
        state = fold_field(LIMIT, [make_claim("a", "900", field=LIMIT)])
        assert (state.value, state.heads) == ("", {"": ("a",)})
        assert state.ledger == (Lost("a", "custom.limit", "900", None, "not_owner"),)

    def test_two_claims_of_the_owner_conflict_as_any_others(self) -> None:
        claims = [make_claim(id, id * 3, field=LIMIT, source="sync") for id in "12"]
        assert fold_field(LIMIT, claims).ledger == (Lost("1", "custom.limit", "111", "2", "later"),)


class TestAskAPerson:
    def conflict(self) -> list[Claim]:
        return [
            make_claim("a", "1990-01-01", field=BIRTH_DATE),
            make_claim("b", "1990-10-01", field=BIRTH_DATE, minute=1),
        ]

    def test_the_earliest_stands_and_the_conflict_is_open(self) -> None:
        record = fold(self.conflict(), {})
        assert record.values == {"birth_date": "1990-01-01"}
        assert record.open == {"birth_date": ("a", "b")}
        assert record.ledger == (Lost("b", "birth_date", "1990-10-01", "a", "earlier_stands"),)

    def test_who_saw_only_one_of_them_does_not_settle_it(self) -> None:
        aware_of_one = make_claim("c", "1991-01-01", "a", field=BIRTH_DATE, minute=2)
        assert fold_field(BIRTH_DATE, [*self.conflict(), aware_of_one]).open == ("b", "c")

    @pytest.mark.parametrize("value", ["1990-01-01", "1990-10-01", "1985-05-05"])
    def test_who_saw_both_settles_it(self, value: str) -> None:
        state = self.settled(value)
        assert (state.value, state.open) == (value, ())
        assert state.ledger == (Lost("b", "birth_date", "1990-10-01", "a", "earlier_stands", settled_by="c"),)

    def settled(self, value: str) -> FieldState:
        claims = self.conflict()
        return fold_field(BIRTH_DATE, [*claims, after(fold_field(BIRTH_DATE, claims), "c", value)])

    def test_agreement_is_no_conflict(self) -> None:
        claims = [make_claim(id, "1990-01-01", field=BIRTH_DATE) for id in "ab"]
        assert fold_field(BIRTH_DATE, claims).open == ()


def test_a_custom_field_has_any_policy() -> None:
    tags = Field("custom.tags", "Tags", "set", "add_remove_set")
    claims = [
        make_claim("a", "+vip", field=tags),
        make_claim("b", "blue", field=Field("custom.x", "x", "text", "latest")),
    ]
    assert fold(claims, {tags.name: tags}).values == {"custom.tags": ("vip",), "custom.x": "blue"}
