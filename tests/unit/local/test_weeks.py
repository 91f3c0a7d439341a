"""Weeks of a trial: where nothing happens the last figures stand, and the last part of the data is what is shown."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import pytest

from deploy.tryout.weeks import WEEK, Weeks, by_week, last_part, week_of
from shared.pipeline.replay import Outcome

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)


def test_an_instant_at_midnight_belongs_to_the_day_that_ends() -> None:
    assert week_of(MONDAY) == MONDAY - WEEK
    assert week_of(MONDAY + DAY / 2) == MONDAY
    assert week_of(MONDAY + WEEK) == MONDAY


def test_where_nothing_happened_the_last_figures_stand() -> None:
    weeks = Weeks(Mock(), {"rows": ""}, {MONDAY: {"rows": 3}, MONDAY + 3 * WEEK: {"rows": 5}})
    shown = weeks.between(MONDAY + DAY, MONDAY + 4 * WEEK + DAY)
    assert [of["rows"] for of in shown.values()] == [3, 3, 3, 5, 5]
    assert list(weeks.between(MONDAY + WEEK + DAY, MONDAY + WEEK + DAY).values()) == [{"rows": 3}]
    assert list(weeks.between(MONDAY - WEEK + DAY, MONDAY + DAY).values()) == [{"rows": 0}, {"rows": 3}]


def test_days_add_up_to_weeks() -> None:
    days = Counter({(MONDAY, "a"): 1, (MONDAY + 6 * DAY, "a"): 2, (MONDAY + 7 * DAY, "a"): 4, (MONDAY, "b"): 8})
    assert by_week(days) == {(MONDAY, "a"): 3, (MONDAY + WEEK, "a"): 4, (MONDAY, "b"): 8}


def test_the_last_part_is_a_share_of_the_time() -> None:
    assert last_part(Outcome(first=MONDAY, last=MONDAY + 4 * WEEK), 0.25) == (MONDAY + 3 * WEEK, MONDAY + 4 * WEEK)
    with pytest.raises(ValueError, match="nothing"):
        last_part(Outcome(), 0.25)
