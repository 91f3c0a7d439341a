"""The gate lets the next event through once, and says what is wrong with every other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.pipeline.gate import FORK_MILLISECONDS, START, Position, Verdict, judge, milliseconds
from tests.unit.pipeline.ids import uuid7_at

BEGAN = 1_790_000_000_000

sequences = st.integers(1, 2**31 - 1)


def event(sequence: int) -> tuple[int, str]:
    return sequence, uuid7_at(BEGAN + sequence, sequence)


@given(st.lists(st.integers(1, 12), max_size=80))
def test_whatever_is_delivered_what_passes_is_dense_and_every_refusal_has_its_reason(delivered: list[int]) -> None:
    position, passed = START, []
    for sequence, event_id in map(event, delivered):
        verdict = judge(position, sequence, event_id)
        if sequence == position.sequence + 1:
            assert verdict is Verdict.NEXT
            position = Position(sequence, event_id)
            passed.append(sequence)
        else:
            assert verdict is (Verdict.GAP if sequence > position.sequence else Verdict.REPEATED)
    assert passed == list(range(1, len(passed) + 1))


@given(sequences, sequences)
def test_another_event_under_the_newest_sequence_is_a_fork(sequence: int, tail: int) -> None:
    newest = Position(sequence, uuid7_at(BEGAN, 0))
    assert judge(newest, sequence, uuid7_at(BEGAN, tail)) is Verdict.FORK
    assert judge(newest, sequence, newest.event_id) is Verdict.REPEATED


@given(st.integers(2, 1_000), st.data(), st.integers(-1_000_000, 1_000_000))
def test_below_the_newest_a_fork_shows_by_being_younger(sequence: int, data: st.DataObject, younger: int) -> None:
    older = data.draw(st.integers(1, sequence - 1))
    verdict = judge(Position(sequence, uuid7_at(BEGAN)), older, uuid7_at(BEGAN + younger, 1))
    assert verdict is (Verdict.FORK if younger > FORK_MILLISECONDS else Verdict.REPEATED)


@given(st.integers(0, 1_000), st.integers(1, 2_000))
def test_a_void_fills_a_hole_and_never_is_a_fork(reached: int, sequence: int) -> None:
    position = Position(reached, uuid7_at(BEGAN)) if reached else START
    verdict = judge(position, sequence, uuid7_at(BEGAN + 10 * FORK_MILLISECONDS), void=True)
    expected = {True: Verdict.NEXT, False: Verdict.REPEATED}[sequence > reached]
    assert verdict is (Verdict.GAP if sequence > reached + 1 else expected)


@given(st.integers(0, 2**48 - 1))
def test_the_time_of_an_id_is_read_back(time: int) -> None:
    assert milliseconds(uuid7_at(time)) == time
