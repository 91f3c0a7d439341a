"""Runs of sequences, and what is said of a missing one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sync.verification.rules import Fate, Known, Spans, fate, shown

SEQUENCES = st.lists(st.integers(min_value=1, max_value=30))


@given(SEQUENCES, st.integers(min_value=0, max_value=35))
def test_spans_are_a_set_in_whatever_order_it_came(sequences: list[int], last: int) -> None:
    spans = Spans(sequences)
    assert spans.lacks(last) == sorted(set(range(1, last + 1)) - set(sequences))
    assert {n for n in range(36) if n in spans} == set(sequences)


@given(st.sets(st.integers(min_value=1, max_value=30)))
def test_what_is_shown_names_each_once(sequences: set[int]) -> None:
    named: list[int] = []
    for run in filter(None, shown(sorted(sequences)).split(", ")):
        first, _, last = run.partition("-")
        named += range(int(first), int(last or first) + 1)
    assert named == sorted(sequences)


@pytest.mark.parametrize(
    ("sequence", "in_log", "left_out", "parked", "expected"),
    [
        (3, True, False, False, Fate.MISSING),
        # Behind what was passed nothing waits, whatever the stream stands at.
        (3, True, False, True, Fate.MISSING),
        (3, False, False, False, Fate.LOST),
        (3, True, True, False, Fate.LEFT_OUT),
        (3, False, True, False, Fate.LEFT_OUT),
        (6, True, False, False, Fate.UNDERWAY),
        (6, True, False, True, Fate.PARKED),
        (6, False, False, True, Fate.LOST),
    ],
)
def test_the_fate_of_what_isn_t_here(sequence: int, in_log: bool, left_out: bool, parked: bool, expected: Fate) -> None:
    assert fate(sequence, 5, in_log=in_log, left_out=left_out, parked=parked) is expected


def test_only_what_waits_its_turn_or_was_decided_is_no_fault() -> None:
    assert {kind for kind in Fate if not kind.is_fault} == {Fate.LEFT_OUT, Fate.UNDERWAY}


def test_a_stream_is_whole_when_it_has_all_that_was_said_or_heard() -> None:
    assert Known(told=3, reached=3, held=3, newest=3).is_whole
    assert not Known(told=4, reached=3, held=3, newest=3).is_whole
    assert not Known(told=0, reached=3, held=2, newest=3).is_whole
    assert Known(told=1, reached=3, held=3, newest=3).untold == 2
    assert Known(told=4, reached=3, held=3, newest=3).untold == 0
