"""The sample is the same each time, and of the size that it says."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import UTC, date, time
from random import Random

from deploy.sample import day, people
from shared.customer.fields import BUILT_IN

TODAY = date(2026, 11, 22)
COUNTS = [(time(8, 0), 10), (time(8, 5), 30), (time(12, 0), 0)]
PHONES = [people.phone(n) for n in range(50)]


def a_day(seed: int = 1, calls: int = 300) -> list[day.Step]:
    random = Random(seed)
    return day.steps(day.moments(COUNTS, TODAY, calls, random, UTC), PHONES, ("anna", "bruno"), random)


def test_all_customers_of_the_data_are_there_each_with_a_number_of_its_own() -> None:
    rows = list(people.rows(TODAY))
    assert len(rows) == 7043
    assert len({row["phone"] for row in rows}) == len({row["key"] for row in rows}) == 7043
    assert Counter(row["status"] for row in rows) == {"customer": 5174, "lapsed": 1869}


def test_the_same_people_come_each_time() -> None:
    assert list(people.rows(TODAY, 20)) == list(people.rows(TODAY, 20))


def test_every_mapped_column_is_in_the_file_and_goes_to_a_known_field() -> None:
    header = next(csv.reader(io.StringIO(people.as_csv(people.rows(TODAY, 1)).decode())))
    columns = people.mapping()["columns"]
    assert {column["column"] for column in columns} <= set(header)
    assert all(c["field"] in BUILT_IN or c["field"].startswith("custom.") for c in columns)


def test_a_day_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    assert a_day() == a_day()
    assert a_day() != a_day(seed=2)


def test_calls_come_as_they_were_counted() -> None:
    rings = [step.at.time() for step in a_day(calls=400) if step.kind == "ring"]
    assert len(rings) == 400
    early = sum(moment < time(8, 5) for moment in rings)
    assert 60 < early < 140
    assert all(time(8, 0) <= moment < time(8, 10) for moment in rings)


def test_every_call_goes_through_its_states_in_order() -> None:
    of_call: dict[str, list[str]] = {}
    for step in a_day():
        of_call.setdefault(step.call, []).append(step.kind)
    for kinds in of_call.values():
        talk = [kind for kind in kinds if kind not in ("case", "resolve")]
        assert talk in (["ring", "answer", "end", "wrap-up"], ["ring", "abandon"])
        assert kinds.count("resolve") <= kinds.count("case") <= 1
