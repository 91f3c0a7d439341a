"""Lists of what is within reach: what isn't is left out before a list is as long as was asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from shared.access.actions import Action, Reach
from shared.access.grants import ALL_FIELDS, Fields
from shared.pipeline.doing import Doing

R = TypeVar("R")

GROWS = 4
"""So many times as many rows are looked at in each further turn,"""
LARGEST = 4_000
"""up to so many."""
MOST_READ = 20_000
"""After so many rows a list ends, though there may be more: who sees so little of what is asked for has to ask for
less."""


def within_reach(
    doing: Doing,
    action: Action,
    more: Callable[[R | None, int], Sequence[R]],
    members_of: Callable[[R], Sequence[str]],
    limit: int,
    *,
    also: Callable[[R], Collection[Reach]] = lambda _: (),
    shown: Callable[[R, Fields], bool] = lambda _row, _fields: True,
) -> list[tuple[R, Fields]]:
    """The first ``limit`` rows whose customers (all of them) the action is granted for, each with the fields that it is
    granted for.

    ``more``: gives so many rows after one, or from the first on. ``also``: how a row's customer lies to the actor
    because of the row. ``shown``: whether a row may be in the list for who has these fields.
    """
    found: list[tuple[R, Fields]] = []
    last: R | None = None
    size, read = limit, 0
    while len(found) < limit and read < MOST_READ:
        rows = more(last, size)
        fields = doing.fields(action, (member for row in rows for member in members_of(row)))
        for row in rows:
            of = _of_all([fields.get(member) for member in members_of(row)])
            if near := also(row):
                of = _together(of, doing.grants.fields(action, near))
            if of is not None and shown(row, of):
                found.append((row, of))
        if len(rows) < size:
            break
        last, read, size = rows[-1], read + len(rows), min(size * GROWS, LARGEST)
    return found[:limit]


def _of_all(fields: Sequence[Fields | None]) -> Fields | None:
    shown: Fields | None = ALL_FIELDS
    for one in fields:
        shown = None if one is None or shown is None else shown & one
    return shown


def _together(one: Fields | None, other: Fields | None) -> Fields | None:
    if one is None or other is None:
        return other if one is None else one
    return one | other
