"""Words for codes and durations."""

from __future__ import annotations

import pytest

from services.callcenter import texts
from services.callcenter.contacts.rules import ALLOWED


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3_600, "1 h"),
        (18_600, "5 h 10 min"),
        (187_200, "2 d 4 h"),
    ],
)
def test_a_duration_is_as_people_read_it(seconds: float, text: str) -> None:
    assert texts.duration(seconds) == text


def test_every_state_has_its_words() -> None:
    assert {state for states in ALLOWED.values() for state in states} <= texts.STATES.keys()
