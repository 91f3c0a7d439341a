"""Topics travel in payloads that PostgreSQL takes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.edge.wakeup import LARGEST_PAYLOAD, payloads, plain_url

POSTGRES_LIMIT = 8_000
"""NOTIFY refuses a payload of so many bytes."""


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters=" "), min_size=1, max_size=900), max_size=60))
def test_every_topic_arrives_once_in_payloads_that_fit(topics: list[str]) -> None:
    lines = list(payloads(topics))
    assert [topic for line in lines for topic in line.split(" ") if topic] == topics
    assert all(len(line.encode()) < POSTGRES_LIMIT for line in lines)


def test_as_few_payloads_are_sent_as_will_do() -> None:
    assert list(payloads([])) == []
    assert len(list(payloads(["x" * 99] * (LARGEST_PAYLOAD // 100)))) == 1
    assert len(list(payloads(["x" * 99] * (LARGEST_PAYLOAD // 100 + 1)))) == 2


def test_the_url_is_given_as_libpq_takes_it() -> None:
    assert plain_url("postgresql+psycopg://u:p@h/d") == "postgresql://u:p@h/d"
    assert plain_url("postgresql://u:p@h/d") == "postgresql://u:p@h/d"
