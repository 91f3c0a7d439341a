"""The digest says when anything that isn't left out differs, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import ARRAY, Column, Integer, MetaData, Table, Text, delete, update
from sqlalchemy.orm import Session

from shared.edge.db import connect
from shared.pipeline import tables
from shared.pipeline.digest import LeftOut, business_tables, differing, digest
from tests.servers import PostgresServer

metadata = MetaData()
order = Table(
    "order",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("reason", Text),
    Column("lines", ARRAY(Text), nullable=False),
    Column("written", Integer, nullable=False),
)
empty = Table("empty", metadata, Column("id", Integer, primary_key=True))

ALL = [metadata, tables.metadata]
WRITTEN = LeftOut("order", "when it was heard", columns=("written",))
ROWS: list[dict[str, Any]] = [
    {"id": 1, "reason": None, "lines": ["a", "b"], "written": 1},
    {"id": 2, "reason": "", "lines": [], "written": 2},
    {"id": 3, "reason": "a,b", "lines": ["a,b"], "written": 3},
]


@pytest.fixture(scope="module")
def session(postgres: PostgresServer) -> Iterator[Session]:
    engine = connect(postgres.database("digest"), name="test")
    metadata.create_all(engine)
    with Session(engine) as session:
        yield session
    engine.dispose()


def of(session: Session, rows: list[dict[str, Any]], *left_out: LeftOut) -> dict[str, str]:
    session.execute(delete(order))
    session.execute(order.insert(), rows)
    return digest(session, ALL, left_out)


def test_the_pipelines_own_tables_are_no_business() -> None:
    assert list(business_tables(ALL)) == ["empty", "order"]


def test_the_order_of_writing_is_nothing_and_every_column_counts(session: Session) -> None:
    before = of(session, ROWS)
    assert of(session, ROWS[::-1]) == before
    for column, value in {"id": 4, "reason": "", "lines": ["b", "a"], "written": 9}.items():
        changed = of(session, [ROWS[0] | {column: value}, *ROWS[1:]])
        assert changed["order"] != before["order"], column
        assert changed["empty"] == before["empty"]
    assert of(session, ROWS[1:])["order"] != before["order"]


def test_what_is_left_out_may_differ_and_nothing_else(session: Session) -> None:
    other = [row | {"written": row["written"] * 2} for row in ROWS]
    assert of(session, ROWS, WRITTEN) == of(session, other, WRITTEN)
    third = LeftOut("order", "of no weight", rows="reason = 'a,b'")
    assert of(session, ROWS, third) == of(session, ROWS[:2], third)
    # A condition that is neither true nor false leaves nothing out.
    assert of(session, ROWS, third) != of(session, ROWS[1:], third)
    assert list(of(session, ROWS, LeftOut("order", "not now"))) == ["empty"]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (LeftOut("orders", "x"), "no table orders"),
        (LeftOut("order", "x", columns=("when",)), "no column when"),
        (LeftOut("order", ""), "why"),
        (LeftOut("order", "x", columns=("id",), rows="id = 1"), "not both"),
    ],
)
def test_a_list_that_is_out_of_date_is_refused(session: Session, wrong: LeftOut, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        digest(session, ALL, [wrong])


def test_the_rows_that_differ_are_shown(session: Session) -> None:
    of(session, ROWS)
    session.commit()
    with Session(session.get_bind()) as other:
        other.execute(update(order).where(order.c.id == 2).values(reason="new", written=7))
        assert differing(session, other, ALL, [WRITTEN]) == {"order": (['(2,{},"")'], ["(2,{},new)"])}
        assert differing(session, session, ALL, []) == {}
        other.rollback()
