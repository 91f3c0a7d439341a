"""The life of a contact, as a machine that is driven at random."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.callcenter.contacts import rules
from services.callcenter.contacts.rules import Contact, NotPossible, OutOfTime, Review
from shared.events.callcenter import ContactAnswered, ContactEnded, ContactWrappedUp
from shared.events.facts import Fact
from tests.builders import NOON

REVIEW = Review("billing", "solved", 4)
STEPS = ("answer", "abandon", "end", "wrap up")
PATHS = {
    (),
    ("answer",),
    ("abandon",),
    ("answer", "end"),
    ("answer", "wrap up"),
    ("answer", "end", "wrap up"),
}
"""Every way that a contact can go."""


def take(contact: Contact, step: str, seconds: float) -> list[Fact]:
    at = NOON + timedelta(seconds=seconds)
    match step:
        case "answer":
            return rules.answer(contact, "anna", at)
        case "abandon":
            return rules.abandon(contact, at)
        case "end":
            return rules.end(contact, at)
    return rules.wrap_up(contact, REVIEW, at)


@given(st.lists(st.sampled_from(STEPS), max_size=8))
def test_only_the_known_ways_can_be_gone(steps: list[str]) -> None:
    contact = Contact("c", "m", "offered", NOON)
    gone: tuple[str, ...] = ()
    for number, step in enumerate(steps, start=1):
        allowed = (*gone, step) in PATHS
        try:
            facts = take(contact, step, number)
        except NotPossible:
            assert not allowed
            continue
        assert allowed
        gone = (*gone, step)
        contact = rules.after(contact, facts, NOON + timedelta(seconds=number))


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e6))
def test_the_durations_are_those_between_the_steps(waited: float, talked: float, later: float) -> None:
    contact = Contact("c", "m", "offered", NOON)
    answered = take(contact, "answer", waited)
    contact = rules.after(contact, answered, NOON + timedelta(seconds=waited))
    ended = take(contact, "end", waited + talked)
    contact = rules.after(contact, ended, NOON + timedelta(seconds=waited + talked))
    take(contact, "wrap up", waited + talked + later)
    assert isinstance(answered[0], ContactAnswered)
    assert isinstance(ended[0], ContactEnded)
    assert answered[0].waited_seconds == pytest.approx(waited, abs=1e-5)
    assert ended[0].talked_seconds == pytest.approx(talked, abs=1e-5)


def test_a_review_of_an_answered_contact_gives_both_facts() -> None:
    contact = Contact("c", "m", "answered", NOON, answered=NOON, agent="anna")
    ended, wrapped = take(contact, "wrap up", 60)
    assert ended == ContactEnded(contact="c", agent="anna", talked_seconds=60)
    assert wrapped == ContactWrappedUp(contact="c", agent="anna", reason="billing", outcome="solved", satisfaction=4)


@pytest.mark.parametrize("step", ["answer", "abandon"])
def test_no_step_lies_before_the_one_it_follows(step: str) -> None:
    with pytest.raises(OutOfTime):
        take(Contact("c", "m", "offered", NOON), step, -1)


def test_an_address_tells_a_field_of_the_customer() -> None:
    assert [rules.field_of(address) for address in ("ada@example.org", "+1 555 010 0199", "")] == [
        "email",
        "phone",
        "phone",
    ]
