"""Groups are large, and never reorder a stream."""

from __future__ import annotations

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from shared.pipeline.grouping import group

Tagged = tuple[int, str, int]
"""(stream, kind, place in the batch)."""

HANDLERS = {"a": "A", "b": "B", "c": "C", "also-a": "A"}

batches = st.lists(st.tuples(st.integers(0, 4), st.sampled_from([*HANDLERS, "unheard"]))).map(
    lambda pairs: [(stream, kind, place) for place, (stream, kind) in enumerate(pairs)]
)


def grouped(events: list[Tagged]) -> list[tuple[str, list[Tagged]]]:
    return group(events, lambda event: HANDLERS.get(event[1]), lambda event: event[0])


@given(batches)
def test_every_event_with_a_handler_is_handed_to_it_exactly_once(events: list[Tagged]) -> None:
    groups = grouped(events)
    assert sorted(e for _, part in groups for e in part) == sorted(e for e in events if e[1] in HANDLERS)
    assert all(HANDLERS[event[1]] == handler for handler, part in groups for event in part)
    assert all(part for _, part in groups)


@given(batches)
def test_the_order_within_a_stream_stays(events: list[Tagged]) -> None:
    handled = [event for _, part in grouped(events) for event in part]
    for stream in range(5):
        places = [place for of, _, place in handled if of == stream]
        assert places == sorted(places)


@given(batches)
def test_there_are_never_fewer_groups_than_turns_in_a_stream_nor_more_than_events(events: list[Tagged]) -> None:
    turns = [len(_turns([e for e in events if e[0] == stream])) for stream in range(5)]
    assert max(turns) <= len(grouped(events)) <= len(events)


@given(st.lists(st.sampled_from("abc"), max_size=6), st.integers(1, 5), st.randoms(use_true_random=False))
def test_streams_that_go_the_same_way_need_no_more_groups_than_one_of_them(
    way: list[str], streams: int, random: object
) -> None:
    todo = {stream: list(way) for stream in range(streams)}
    events: list[Tagged] = []
    while any(todo.values()):
        stream = random.choice([s for s in todo if todo[s]])  # type: ignore[attr-defined]
        events.append((stream, todo[stream].pop(0), len(events)))
    assert len(grouped(events)) == len(_turns([(0, kind, 0) for kind in way]))


def _turns(events: list[Tagged]) -> list[str]:
    return [handler for handler, _ in groupby(HANDLERS[e[1]] for e in events if e[1] in HANDLERS)]
