"""In which territory a customer is, and who looks after it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.customer.territories import Assigned, closes_circle, looks_after, territory_of, upward

AT = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = st.sampled_from("abcdef")


def test_a_member_s_own_territory_comes_before_any_mate_s() -> None:
    assigned = {"m": Assigned("north", AT), "n": Assigned("south", AT + timedelta(days=1))}
    assert territory_of("m", ["n"], assigned) == "north"


def test_a_member_without_one_takes_that_of_the_mate_assigned_last() -> None:
    assigned = {
        "m": Assigned("", AT + timedelta(days=9)),
        "n": Assigned("south", AT),
        "o": Assigned("north", AT + timedelta(days=1)),
        "p": Assigned("", AT + timedelta(days=2)),
    }
    assert territory_of("m", ["m", "n", "o", "p"], assigned) == "north"
    assert territory_of("p", [], assigned) == ""


@given(st.permutations(["n", "o", "p"]))
def test_mates_assigned_at_one_instant_give_the_same_in_any_order(mates: list[str]) -> None:
    assigned = {mate: Assigned(f"of {mate}", AT) for mate in mates}
    assert territory_of("m", mates, assigned) == "of p"


def test_a_rep_of_a_region_looks_after_all_below_it_and_nothing_beside_it() -> None:
    parents = {"rome": "lazio", "lazio": "italy", "milan": "lombardy", "lombardy": "italy"}
    reps = {"lazio": {"rita"}, "italy": {"ivo"}}
    assert looks_after("rita", "rome", parents, reps)
    assert looks_after("ivo", "milan", parents, reps)
    assert not looks_after("rita", "milan", parents, reps)
    assert not looks_after("rita", "italy", parents, reps)
    assert not looks_after("rita", "", parents, reps)


@given(st.dictionaries(NAMES, NAMES), NAMES)
def test_going_up_ends_also_in_a_circle(parents: dict[str, str], start: str) -> None:
    chain = upward(start, parents)
    assert len(set(chain)) == len(chain)
    assert all(parents[a] == b for a, b in pairwise(chain))


@given(st.lists(st.tuples(NAMES, NAMES), max_size=30))
def test_changes_that_close_no_circle_leave_a_tree(changes: list[tuple[str, str]]) -> None:
    parents: dict[str, str] = {}
    for territory, parent in changes:
        if not closes_circle(territory, parent, parents):
            parents[territory] = parent
    assert all(upward(t, parents)[-1] not in parents for t in parents)
