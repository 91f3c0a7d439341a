"""What devices are answered and given: the rules alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.sync.devices import rules
from shared.events.sfa import OrderCancelled, OrderDelayed, OrderDelivered, OrderPlaced, OrderProvisioned, OrderRefused

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ANY = st.floats(-2_020 * 365, 7_900 * 365).map(lambda days: NOON + timedelta(days=days))


@given(ANY, ANY, st.timedeltas(timedelta(0), timedelta(days=900)), st.timedeltas(timedelta(0), timedelta(days=900)))
def test_what_a_device_did_lies_between_its_enrolment_and_now_and_never_falls(
    made: datetime, sent: datetime, since: timedelta, before: timedelta
) -> None:
    enrolled, last = NOON - since, NOON - min(since, before)
    at = rules.corrected(made, sent, NOON, enrolled, last)
    assert last <= at <= NOON


@given(st.timedeltas(timedelta(days=-2000), timedelta(days=2000)), st.timedeltas(timedelta(0), timedelta(days=30)))
def test_however_wrong_the_clock_is_the_time_is_right(off: timedelta, ago: timedelta) -> None:
    enrolled = NOON - timedelta(days=31)
    assert rules.corrected(NOON - ago + off, NOON + off, NOON, enrolled, enrolled) == NOON - ago


@given(st.lists(st.binary(min_size=32, max_size=32), unique=True), st.randoms())
def test_a_digest_is_that_of_the_set(digests: list[bytes], random: object) -> None:
    backwards = rules.exclusive_or(rules.NO_DIGEST, *reversed(digests))
    together = rules.exclusive_or(rules.NO_DIGEST, *digests)
    assert together == backwards
    for one in digests:
        # What comes and goes leaves nothing, what lacks shows.
        assert rules.exclusive_or(together, one, one) == together
        assert rules.exclusive_or(together, one) == rules.exclusive_or(
            rules.NO_DIGEST, *(d for d in digests if d != one)
        )


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda j: st.lists(j) | st.dictionaries(st.text(), j)
    )
)
def test_equal_values_have_one_form(value: object) -> None:
    text = rules.canonical(value)
    assert text.isascii()
    assert rules.canonical(json.loads(text)) == text
    if isinstance(value, dict):
        assert rules.canonical(dict(reversed(value.items()))) == text


def test_an_order_is_followed_to_its_end() -> None:
    placed = OrderPlaced(order="o", lines=(), total=5, currency="EUR", channel="desk", promised=NOON)
    later = NOON + timedelta(days=1)
    states = []
    order = rules.Followed()
    for fact in (
        placed,
        OrderDelayed(order="o", problem="no_stock"),
        OrderProvisioned(order="o"),
        OrderDelayed(order="o", problem="no_access", promised=later),
        OrderDelivered(order="o", how="on_site"),
    ):
        order = rules.followed(order, fact, NOON)
        states.append((order.state, order.problem, order.promised))
    assert states == [
        ("placed", "", NOON),
        ("placed", "no_stock", NOON),
        ("provisioned", "no_stock", NOON),
        ("provisioned", "no_access", later),
        ("delivered", "", later),
    ]
    assert rules.followed(order, OrderCancelled(order="o", reason="error"), NOON).reason == "error"
    assert rules.followed(rules.Followed(), OrderRefused(order="o", reason="person"), NOON).state == "refused"


def test_only_an_order_that_waits_is_decided_elsewhere() -> None:
    for state in ("accepted", "refused", "quarantined"):
        assert rules.decided(state, "why", "placed", "", owned=True) == (state, "why")
    for state in rules.OPEN:
        assert rules.decided(state, "", "", "", owned=True) == ("stored", "")
        assert rules.decided(state, "", "", "", owned=False) == ("no_owner_yet", "")
        assert rules.decided(state, "", "delivered", "", owned=False) == ("accepted", "")
        assert rules.decided(state, "", "refused", "person", owned=True) == ("refused", "person")


TREES = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["", *"abcdef"]))


@given(TREES, st.dictionaries(st.sampled_from("abcdef"), st.frozensets(st.sampled_from(["rita", "sara"]))))
def test_a_rep_has_his_territories_and_all_below_them_also_in_a_circle(
    parents: dict[str, str], reps: dict[str, frozenset[str]]
) -> None:
    mine = rules.scopes("rita", parents, parents, reps)
    assert {one for one, who in reps.items() if "rita" in who} <= set(mine)
    below = {one for one, parent in parents.items() if parent in mine}
    assert below <= set(mine)
