"""A digest of all that a block keeps: equal for equal states, whatever the order in which rows were written.

Every column of every business table goes in, except what a list leaves out, each with its reason. The pipeline's own
tables (offsets, positions, the outbox …) say how the state came about and not what it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import MetaData, Table, text
from sqlalchemy.orm import Session

from shared.pipeline import tables


@dataclass(frozen=True)
class LeftOut:
    """Something that two equal states may have different, and why."""

    table: str
    reason: str
    columns: tuple[str, ...] = ()
    """Which columns; none: whole rows."""
    rows: str = ""
    """An SQL condition for the rows; empty: all rows."""


def digest(session: Session, metadatas: Iterable[MetaData], left_out: Sequence[LeftOut]) -> dict[str, str]:
    """Table -> digest of its rows. Tables that are left out whole are missing.

    Raises ``ValueError`` when the list names a table or column that doesn't exist, or two things at once.
    """
    return {
        name: str(session.scalar(text(f"SELECT md5(coalesce(string_agg(row, '' ORDER BY row), '')) FROM ({rows}) r")))  # noqa: S608
        for name, rows in _queries(metadatas, left_out).items()
    }


def differing(
    one: Session, other: Session, metadatas: Iterable[MetaData], left_out: Sequence[LeftOut], most: int = 5
) -> dict[str, tuple[list[str], list[str]]]:
    """Table -> rows, as text, that only the one state has and those that only the other has; ``most`` of each.

    The rows may hold personal data: for the eyes of whoever may see the tables.
    """
    found = {}
    for name, query in _queries(metadatas, left_out).items():
        ours, theirs = (Counter(session.scalars(text(f"SELECT shown FROM ({query}) r"))) for session in (one, other))  # noqa: S608
        if ours != theirs:
            found[name] = (sorted((ours - theirs).elements())[:most], sorted((theirs - ours).elements())[:most])
    return found


def business_tables(metadatas: Iterable[MetaData]) -> dict[str, Table]:
    """All tables but the pipeline's own."""
    every = {name: table for metadata in metadatas for name, table in metadata.tables.items()}
    return {name: table for name, table in sorted(every.items()) if name not in tables.metadata.tables}


def _queries(metadatas: Iterable[MetaData], left_out: Sequence[LeftOut]) -> dict[str, str]:
    known = business_tables(metadatas)
    _check(known, left_out)
    queries = {}
    for name, table in known.items():
        of_it = [each for each in left_out if each.table == name]
        if any(not each.columns and not each.rows for each in of_it):
            continue
        out = {column for each in of_it for column in each.columns}
        conditions = [f"({each.rows}) IS NOT TRUE" for each in of_it if each.rows]
        queries[name] = _query(table, out, conditions)
    return queries


def _query(table: Table, out: set[str], conditions: Sequence[str]) -> str:
    columns = ", ".join(f'"{c}"' for c in sorted(column.name for column in table.columns) if c not in out)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return (
        f'SELECT md5(ROW({columns})::text) COLLATE "C" AS row, ROW({columns})::text AS shown FROM "{table.name}"{where}'  # noqa: S608
    )


def _check(known: Mapping[str, Table], left_out: Sequence[LeftOut]) -> None:
    for each in left_out:
        if each.table not in known:
            raise ValueError(f"there is no table {each.table} to leave out")
        if missing := set(each.columns) - {column.name for column in known[each.table].columns}:
            raise ValueError(f"{each.table} has no column {', '.join(sorted(missing))} to leave out")
        if each.columns and each.rows:
            raise ValueError(f"{each.table}: leave out columns or rows, not both in one entry")
        if not each.reason:
            raise ValueError(f"{each.table}: why is it left out?")
