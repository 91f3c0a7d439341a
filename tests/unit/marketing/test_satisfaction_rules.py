"""What reviews say of two groups."""

from __future__ import annotations

from statistics import mean, variance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.marketing.satisfaction.rules import SCORES, Counted, difference, group

scores = st.lists(st.sampled_from(SCORES), max_size=40)


def counted(inside: list[int], outside: list[int]) -> list[Counted]:
    return [Counted("2026-03", True, one, 1) for one in inside] + [Counted("2026-02", False, one, 1) for one in outside]


@given(scores, scores)
def test_groups_have_the_figures_of_their_reviews(inside: list[int], outside: list[int]) -> None:
    every = counted(inside, outside)
    for side, given_ in ((True, inside), (False, outside)):
        of = group(every, inside=side)
        assert of.reviews == len(given_)
        assert (of.mean is None) == (not given_)
        if given_:
            assert of.mean == pytest.approx(mean(given_))
            assert sum(of.share(score) for score in SCORES) == pytest.approx(1)
        if len(given_) > 1:
            assert of.variance == pytest.approx(variance(given_))
    assert group(every, inside=True, month="2026-02").reviews == 0
    assert group(every, inside=True, month="2026-03").reviews == len(inside)


@given(scores, scores)
def test_a_difference_lies_in_its_interval_and_turns_its_sign_with_the_groups(a: list[int], b: list[int]) -> None:
    every = counted(a, b)
    one, other = group(every, inside=True), group(every, inside=False)
    apart, back = difference(one, other), difference(other, one)
    if apart is None or back is None:
        assert min(len(a), len(b)) < 2
        return
    assert apart.low <= apart.mean <= apart.high
    assert (apart.low, apart.high) == pytest.approx((-back.high, -back.low))
    assert apart.is_sure == back.is_sure


def test_many_alike_tell_more_than_few() -> None:
    few, many = counted([4, 5, 3], [3, 4, 2]), counted([4, 5, 3] * 50, [3, 4, 2] * 50)
    sure = [difference(group(of, inside=True), group(of, inside=False)) for of in (few, many)]
    assert [one.is_sure for one in sure if one] == [False, True]
