"""Grants add up and never take away; what isn't granted is denied; what is masked is named."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.access.actions import CUSTOM_FIELDS, TEXT, Action, Reach
from shared.access.grants import ALL_FIELDS, EVERYTHING, NO_FIELDS, NOTHING, Fields, Grant, Grants

NAMES = ("phone", "email", "city", "contact_allowed.phone", "custom.hobby", "custom.shoe", TEXT)
PATTERNS = (*NAMES, "*", CUSTOM_FIELDS, "contact_allowed.*")
fields = st.lists(st.sampled_from(PATTERNS), max_size=5).map(tuple)
grants = st.lists(
    st.builds(
        Grant,
        st.sampled_from([Action.CUSTOMER_READ, Action.CUSTOMER_EDIT, Action.ORDER_READ]),
        st.sampled_from(list(Reach)),
        fields,
    ),
    max_size=6,
)
near = st.sets(st.sampled_from(list(Reach)))


def covers(patterns: tuple[str, ...], name: str) -> bool:
    """The meaning, told once more."""
    return any(one == name or (one.endswith("*") and name.startswith(one[:-1])) for one in patterns)


@given(fields)
def test_a_field_is_shown_when_it_is_named_or_its_beginning_is(some: tuple[str, ...]) -> None:
    for name in NAMES:
        assert (name in Fields(some)) == covers(some, name)


@given(fields, fields)
def test_together_they_show_what_either_shows_and_in_common_what_both_show(
    one: tuple[str, ...], other: tuple[str, ...]
) -> None:
    for name in NAMES:
        assert (name in Fields(one) | Fields(other)) == (covers(one, name) or covers(other, name))
        assert (name in Fields(one) & Fields(other)) == (covers(one, name) and covers(other, name))
        assert (name in Fields(one) & ALL_FIELDS) == (name in Fields(one) | NO_FIELDS) == covers(one, name)


@given(fields, st.dictionaries(st.sampled_from(NAMES), st.text(max_size=3)))
def test_each_value_is_either_shown_or_named_as_masked(some: tuple[str, ...], values: dict[str, str]) -> None:
    shown, masked = Fields(some).mask(values)
    assert {**shown, **{name: values[name] for name in masked}} == values
    assert set(shown) & set(masked) == set()
    assert set(shown) == {name for name in values if covers(some, name)}
    assert masked == sorted(masked)


@given(grants, near)
def test_a_record_shows_the_fields_of_all_grants_that_reach_it(given_: list[Grant], within: set[Reach]) -> None:
    for action in Action:
        reaching = [g for g in given_ if g.action is action and (g.reach is Reach.ALL or g.reach in within)]
        found = Grants(given_).fields(action, within)
        assert (found is None) == (not reaching)
        for name in NAMES:
            assert (found is not None and name in found) == any(covers(g.fields, name) for g in reaching)
        assert Grants(given_).may(action) == any(g.action is action for g in given_)
        assert Grants(given_).reaches(action) == {g.reach for g in given_ if g.action is action}


@given(grants, grants, near)
def test_another_role_never_takes_anything_away(some: list[Grant], more: list[Grant], within: set[Reach]) -> None:
    for action in Action:
        before, after = Grants(some).fields(action, within), Grants(some + more).fields(action, within)
        if before is not None:
            assert after is not None
            assert all(name in after for name in NAMES if name in before)


@given(grants, near)
def test_nothing_shows_more_than_the_most(some: list[Grant], within: set[Reach]) -> None:
    for action in Action:
        found = Grants(some).fields(action, within)
        assert found is None or all(name in Grants(some).most(action) for name in NAMES if name in found)


def test_nothing_is_nothing_and_everything_everything() -> None:
    for action in Action:
        assert not NOTHING.may(action)
        assert NOTHING.fields(action, set(Reach)) is None
        assert EVERYTHING.fields(action, ()) == ALL_FIELDS
