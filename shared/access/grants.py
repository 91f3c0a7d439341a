"""What an actor may: the grants of its roles together, and the fields that they show. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

import msgspec

from shared.access.actions import ANY_FIELD, Action, Reach

T = TypeVar("T")


class Grant(msgspec.Struct, frozen=True):
    """One action, for the records within reach; of customers with these fields, where fields matter."""

    action: Action
    reach: Reach = Reach.ALL
    fields: tuple[str, ...] = (ANY_FIELD,)
    """Names, ``custom.*`` or any other beginning with ``*`` after it, ``text``; ``*`` for all."""


class Fields:
    """Which fields are shown, or may be changed."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        self.all = ANY_FIELD in self.names
        self._beginnings = tuple(name[:-1] for name in self.names if name.endswith(ANY_FIELD))

    def __contains__(self, name: str) -> bool:
        return self.all or name in self.names or name.startswith(self._beginnings)

    def mask(self, values: Mapping[str, T]) -> tuple[dict[str, T], list[str]]:
        """The values that are shown, and the names of those that are not."""
        if self.all:
            return dict(values), []
        shown = {name: value for name, value in values.items() if name in self}
        return shown, sorted(values.keys() - shown.keys())

    def __or__(self, other: Fields) -> Fields:
        return other if other.all else self if self.all else Fields(self.names | other.names)

    def __and__(self, other: Fields) -> Fields:
        """What both show: names by name, beginnings only where both have them."""
        if self.all or other.all:
            return other if self.all else self
        return Fields({name for name in self.names if name in other} | {name for name in other.names if name in self})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fields) and self.names == other.names

    def __hash__(self) -> int:
        return hash(self.names)


NO_FIELDS = Fields(())
ALL_FIELDS = Fields((ANY_FIELD,))


class Grants:
    """The grants of an actor's roles in one service. They add up: each role only ever allows more."""

    def __init__(self, grants: Iterable[Grant]) -> None:
        self._by_action: dict[Action, dict[Reach, Fields]] = {}
        for grant in grants:
            of = self._by_action.setdefault(grant.action, {})
            of[grant.reach] = of.get(grant.reach, NO_FIELDS) | Fields(grant.fields)

    def may(self, action: Action | str) -> bool:
        """Whether there is anything for which the action is granted."""
        return action in self._by_action

    def reaches(self, action: Action) -> frozenset[Reach]:
        """For which records the action is granted."""
        return frozenset(self._by_action.get(action, ()))

    def fields(self, action: Action, within: Collection[Reach]) -> Fields | None:
        """The fields for a record that lies so to the actor (``all`` is always so); none when it is out of reach."""
        found: Fields | None = None
        for reach, fields in self._by_action.get(action, {}).items():
            if reach is Reach.ALL or reach in within:
                found = fields if found is None else found | fields
        return found

    def most(self, action: Action) -> Fields:
        """The fields of at least some record: a search by any other can't find anything."""
        together = NO_FIELDS
        for fields in self._by_action.get(action, {}).values():
            together |= fields
        return together


EVERYTHING = Grants(Grant(action) for action in Action)
"""Of the service itself, for what follows from events, and of who runs its commands on the server."""
NOTHING = Grants(())
