"""Who is the same customer, whatever the order in which anything was heard."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sync.identity.rules import (
    MOST_SHARED,
    Decision,
    Pair,
    Same,
    Span,
    components,
    crowded,
    full_name,
    same,
    spans,
)
from shared.customer.claims import Claim

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
PHONE = "+39061234567"


def claim(field: str, value: str, minute: int = 0, *saw: str, id: str = "") -> Claim:
    return Claim(id or f"{field}{minute}", field, value, saw, AT + timedelta(minutes=minute), "", "")


def named(given_name: str, family_name: str) -> list[Claim]:
    return [claim("given_name", given_name), claim("family_name", family_name)]


def decided(a: str, b: str, joined: bool, minute: int = 0) -> Decision:
    return Decision(a, b, joined, AT + timedelta(minutes=minute), f"e{minute}")


def told(claims: dict[str, list[Claim]], *decisions: Decision) -> Same:
    return same(claims, claims, decisions, crowded(claims))


def clusters(claims: dict[str, list[Claim]], *decisions: Decision) -> set[frozenset[str]]:
    of: dict[str, set[str]] = {}
    for member, cluster in told(claims, *decisions).clusters.items():
        of.setdefault(cluster, set()).add(member)
    assert all(cluster == min(members) for cluster, members in of.items())
    return {frozenset(members) for members in of.values() if len(members) > 1}


def groups(*members: str) -> set[frozenset[str]]:
    return {frozenset(group) for group in members}


def test_one_number_or_address_at_the_same_time_is_one_customer() -> None:
    claims = {
        "a": [claim("phone", PHONE)],
        "b": [claim("phone", PHONE, 5), claim("email", "ana@example.org")],
        "c": [claim("email", "ana@example.org", 9)],
        "d": [claim("email", "bea@example.org")],
    }
    assert clusters(claims) == groups("abc")
    assert told(claims).because == {"a": "phone", "b": "phone", "c": "email"}


def test_a_number_that_was_given_up_before_somebody_else_had_it_says_nothing() -> None:
    gone = [claim("phone", PHONE), claim("phone", "", 5, "phone0")]
    assert spans(gone) == {("phone", PHONE): [Span(AT, AT + timedelta(minutes=5))]}
    assert clusters({"a": gone, "b": [claim("phone", PHONE, 5)]}) == set()
    assert clusters({"a": gone, "b": [claim("phone", PHONE, 4)]}) == groups("ab")


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        (named("ana", "ortiz"), "ana ortiz"),
        ([claim("given_name", "ana")], ""),
        ([claim("given_name", "ana"), claim("company", "acme")], ""),
        ([claim("company", "acme")], "acme"),
        ([*named("ana", "ortiz"), claim("family_name", "ruiz", 3, "family_name0")], "ana ruiz"),
    ],
)
def test_only_a_full_name_tells_customers_apart(claims: list[Claim], name: str) -> None:
    assert full_name(claims) == name


def test_different_full_names_never_come_together_also_not_through_a_third() -> None:
    claims = {
        "a": [claim("phone", PHONE)],
        "b": [claim("phone", PHONE), *named("ana", "ortiz")],
        "c": [claim("phone", PHONE), *named("luis", "ortiz")],
    }
    assert clusters(claims) == groups("ab")
    assert told(claims).doubtful == {Pair("a", "c", "phone"), Pair("b", "c", "phone")}
    # A person knows better; then both names are this customer's.
    assert clusters(claims, decided("b", "c", True)) == groups("abc")
    assert told(claims, decided("b", "c", True)).doubtful == frozenset()


def test_what_a_person_parted_stays_apart_until_a_newer_decision() -> None:
    claims = {member: [claim("phone", PHONE)] for member in "abc"}
    assert clusters(claims, decided("a", "c", False)) == groups("ab")
    assert clusters(claims, decided("a", "c", False, 1), decided("a", "c", True, 2)) == groups("abc")
    assert clusters(claims, decided("a", "c", False, 2), decided("a", "c", True, 1)) == groups("ab")


def test_the_newest_join_takes_effect_even_against_older_ones() -> None:
    claims: dict[str, list[Claim]] = {member: [] for member in "abc"}
    decisions = [decided("a", "b", True, 1), decided("a", "c", False, 2), decided("b", "c", True, 3)]
    assert clusters(claims, *decisions) == groups("bc")


def test_what_too_many_have_matches_nobody() -> None:
    claims = {f"m{n}": [claim("phone", PHONE)] for n in range(MOST_SHARED)}
    assert clusters(claims) == {frozenset(claims)}
    assert clusters({**claims, "one more": [claim("phone", PHONE)]}) == set()


MEMBERS = "abcdefg"
some_claims = st.lists(
    st.builds(
        lambda member, field, value, minute, saw: (member, (field, value, minute, saw)),
        st.sampled_from(MEMBERS),
        st.sampled_from(["phone", "email", "given_name", "family_name"]),
        st.sampled_from(["", "1", "2"]),
        st.integers(0, 9),
        st.integers(0, 9),
    ),
    max_size=30,
)
some_decisions = st.lists(
    st.builds(
        lambda pair, joined, minute: decided(min(pair), max(pair), joined, minute),
        st.sets(st.sampled_from(MEMBERS), min_size=2, max_size=2),
        st.booleans(),
        st.integers(0, 99),
    ),
    max_size=8,
    unique_by=lambda one: one.occurred,
)


def world(made: Iterable[tuple[str, tuple[str, str, int, int]]]) -> dict[str, list[Claim]]:
    """The claims of each member; a claim saw those of one minute of its field."""
    claims: dict[str, list[Claim]] = {member: [] for member in MEMBERS}
    for member, (field, value, minute, saw) in made:
        one = claim(field, value, minute, f"{field}{saw}") if saw < minute else claim(field, value, minute)
        if one.id not in {known.id for known in claims[member]}:
            claims[member].append(one)
    return claims


@given(some_claims, some_decisions, st.randoms(use_true_random=False))
def test_no_order_matters(made: list[tuple[str, tuple[str, str, int, int]]], decisions: list[Decision], random) -> None:  # type: ignore[no-untyped-def]
    claims = world(made)
    shuffled = [(member, random.sample(of, len(of))) for member, of in claims.items()]
    random.shuffle(shuffled)
    again = dict(shuffled)
    assert told(claims, *decisions) == told(again, *random.sample(decisions, len(decisions)))


@given(some_claims, some_decisions)
def test_nothing_comes_together_that_may_not(
    made: list[tuple[str, tuple[str, str, int, int]]], decisions: list[Decision]
) -> None:
    claims = world(made)
    found = told(claims, *decisions)
    newest = {(one.a, one.b): one for one in sorted(decisions, key=lambda one: one.occurred)}
    for (a, b), one in newest.items():
        assert one.joined or found.clusters[a] != found.clusters[b]
    if not any(one.joined for one in newest.values()):
        for group in clusters(claims, *decisions):
            assert len({full_name(claims[member]) for member in group} - {""}) <= 1
    for pair in found.doubtful:
        assert found.clusters[pair.a] != found.clusters[pair.b]
    assert set(found.because) == {m for group in clusters(claims, *decisions) for m in group}


@given(some_claims, some_decisions)
def test_a_component_alone_is_worked_out_as_with_everybody_else(
    made: list[tuple[str, tuple[str, str, int, int]]], decisions: list[Decision]
) -> None:
    claims = world(made)
    many = crowded(claims)
    holders: dict[tuple[str, str], list[str]] = {}
    for member, of in claims.items():
        for value in spans(of).keys() - many:
            holders.setdefault(value, []).append(member)
    of_member = components(claims, [*holders.values(), *[(one.a, one.b) for one in decisions]])
    whole = same(claims, claims, decisions, many)
    parts: dict[str, str] = {}
    for least in set(of_member.values()):
        part = {member for member, of in of_member.items() if of == least}
        inside = [one for one in decisions if one.a in part]
        parts |= same(part, {m: claims[m] for m in part}, inside, many).clusters
    assert parts == whole.clusters
