"""The map of what a service hears: slices, and for each the handler of every event type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Table

from shared.events.envelope import Event
from shared.events.facts import FACT_TYPES
from shared.pipeline.work import Work

Handler = Callable[[Work, list[Event]], None]
"""Takes events of one or several types, in an order that keeps each stream's, and writes what follows."""

EVERYTHING = "*"
"""In a slice's map: events of any type, also of types that this release doesn't know."""


@dataclass(frozen=True)
class Slice:
    """One capability that hears events."""

    name: str
    handlers: Mapping[str, Handler]
    """Event type -> handler."""
    derived: tuple[Table, ...] = ()
    """Tables written from events only; a rebuild empties them and plays the log again."""
    sealed: bool = False
    """Its handlers use no personal field: they may be given facts as they were sealed, which costs no key."""
    custom_only: bool = False
    """Its handlers use no personal field but values of departments' own: an event without any may be given as it was
    sealed."""

    def __post_init__(self) -> None:
        unknown = set(self.handlers) - set(FACT_TYPES) - {EVERYTHING}
        if unknown:
            raise ValueError(f"slice {self.name} hears event types that don't exist: {sorted(unknown)}")

    def handler_of(self, event_type: str) -> Handler | None:
        return self.handlers.get(event_type) or self.handlers.get(EVERYTHING)


@dataclass(frozen=True)
class Subscriptions:
    """All that a service hears: the topics' publishers and its slices."""

    sources: tuple[str, ...]
    slices: tuple[Slice, ...]

    def named(self, names: Sequence[str]) -> tuple[Slice, ...]:
        """The slices of these names that this release still has, in their order in the code."""
        return tuple(s for s in self.slices if s.name in set(names))
