"""Whether an agent is there, and what a review is usually about."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.callcenter.desk.pulse import Pulse
from services.callcenter.desk.rules import BEAT, GONE_AFTER, Presence, habits, takes_calls
from services.callcenter.texts import clock_text
from tests.builders import NOON, actor

HERE = Presence("anna", "Anna", "available", "", NOON, NOON)


@pytest.mark.parametrize(
    ("presence", "seconds", "shown"),
    [
        (HERE, 0, "available"),
        (HERE, GONE_AFTER.total_seconds() + 1, "gone"),
        (replace(HERE, state="break"), 0, "break"),
        (replace(HERE, state="break", contact="answered", contact_since=NOON), 0, "conversation"),
        (replace(HERE, contact="ended", contact_since=NOON), 3_600, "wrap_up"),
    ],
)
def test_what_an_agent_does_is_what_is_known_before_what_he_says(
    presence: Presence, seconds: float, shown: str
) -> None:
    assert presence.shown(NOON + timedelta(seconds=seconds)) == (shown, NOON)


def test_only_who_is_available_is_shown_what_waits() -> None:
    assert [takes_calls(state) for state in ("available", "break", "away")] == [True, False, False]


def test_the_most_frequent_comes_first_and_brings_its_usual_outcome() -> None:
    found = habits([("bill", "solved", 2), ("fault", "escalated", 5), ("fault", "solved", 4), ("bill", "escalated", 2)])
    assert found.ordered("reason", ["bill", "move", "fault"]) == ["fault", "bill", "move"]
    assert found.ordered("outcome", ["none", "solved", "escalated"]) == ["escalated", "solved", "none"]
    assert found.usual == {"fault": "escalated", "bill": "escalated"}, "of equals the first by code"
    assert habits([]).ordered("reason", ["b", "a"]) == ["b", "a"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(-2, "0:00"), (5, "0:05"), (75, "1:15"), (3_723, "1:02:03"), (176_523, "2 d 1:02:03")]
)
def test_a_clock_shows_what_the_browser_goes_on_with(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text


def test_who_is_there_is_noted_at_once_and_then_all_of_them_at_each_beat() -> None:
    pulse = Pulse(None)  # type: ignore[arg-type]
    assert pulse._due(actor("anna"), NOON) == {"anna": "Anna"}
    for _ in range(2):
        assert pulse._due(actor("anna"), NOON + BEAT / 2) == {}
    assert pulse._due(actor("bert"), NOON + BEAT / 2) == {"bert": "Bert"}
    assert pulse._due(actor("bert"), NOON + BEAT / 2) == {}
    assert pulse._due(actor("anna"), NOON + BEAT) == {"anna": "Anna", "bert": "Bert"}
    assert pulse._due(actor("bert"), NOON + 2 * BEAT) == {"bert": "Bert"}, "anna is gone"
