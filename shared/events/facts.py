"""What a fact is: a typed record of something that happened, registered under the name of its event type."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec

Personal = Annotated[str, msgspec.Meta(extra_json_schema={"x-personal": True})]
"""Text about a person. Clear in a service's hands, sealed with the member's key in an event."""


Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment, with its zone."""


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every fact. Fields are only ever added, and always with a default."""


class Erased(str):
    """Text whose key is gone: empty, and to be told from an empty text by its type."""


ERASED = Erased("")

Plan = tuple[str, ...]
"""Where a personal field stands in the data: names, and ``*`` for each element of a list or mapping."""

EACH = "*"


@dataclass(frozen=True)
class FactType:
    """One event type: its name, its record, the kind of its stream and where it has personal fields."""

    name: str
    record: type[Fact]
    stream: str
    about: str | None
    version: int
    personal: tuple[Plan, ...]

    @property
    def dataschema(self) -> str:
        return f"urn:crm:{self.name}:{self.version}"


FACT_TYPES: dict[str, FactType] = {}
_BY_RECORD: dict[type[Fact], FactType] = {}

F = TypeVar("F", bound=type[Fact])


def fact(name: str, *, stream: str, about: str | None = None, version: int = 1) -> Callable[[F], F]:
    """Register a record as the data of event type ``name``.

    ``stream`` is the kind of stream that it belongs to (empty: any kind); ``about`` names the field that holds the
    id of the thing it tells of, for links. ``version`` rises only with a change that old records must be lifted
    over by an upcaster.

    Raises ``TypeError`` for a type named twice and for personal fields outside a customer's stream, where
    there is no member whose key could seal them.
    """

    def register(record: F) -> F:
        if name in FACT_TYPES:
            raise TypeError(f"event type {name} is registered twice")
        personal = tuple(_personal_plans(record))
        if personal and stream != "customer":
            raise TypeError(f"{name} has personal fields but belongs to a stream of kind {stream}")
        fact_type = FactType(name, record, stream, about, version, personal)
        FACT_TYPES[name] = _BY_RECORD[record] = fact_type
        return record

    return register


def type_of(fact: Fact) -> FactType:
    """The registered type of a fact. Raises ``KeyError`` for a record that was never registered."""
    return _BY_RECORD[type(fact)]


def _personal_plans(record: type[msgspec.Struct]) -> Iterator[Plan]:
    for name, hint in typing.get_type_hints(record, include_extras=True).items():
        for plan in _plans_in(hint):
            yield (name, *plan)


def _plans_in(hint: Any) -> Iterator[Plan]:
    if _is_personal(hint):
        yield ()
        return
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield from _personal_plans(hint)
        return
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    inner = arguments[1:] if origin in (dict, Mapping) else arguments
    many = origin in (list, tuple, dict, Mapping)
    for argument in inner:
        for plan in _plans_in(argument):
            yield (EACH, *plan) if many else plan


def _is_personal(hint: Any) -> bool:
    return typing.get_origin(hint) is Annotated and any(
        isinstance(note, msgspec.Meta) and (note.extra_json_schema or {}).get("x-personal")
        for note in typing.get_args(hint)[1:]
    )


def to_data(fact: Fact) -> dict[str, Any]:
    """A fact in the types that JSON has, ready for ``change_personal``."""
    data: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(fact))
    return data


def change_personal(data: Any, plans: tuple[Plan, ...], change: Callable[[str], str]) -> None:
    """Replace every personal text in ``data`` (JSON types, changed in place) by ``change(text)``.

    Raises ``TypeError`` for data of another shape: a text that was passed over would leave in the clear.
    """
    for plan in plans:
        _change(data, plan, change)


def _change(node: Any, plan: Plan, change: Callable[[str], str]) -> None:
    step, rest = plan[0], plan[1:]
    for place in _places(node, step):
        value = node[place]
        if rest:
            _change(value, rest, change)
        elif isinstance(value, str):
            node[place] = change(value)
        elif value is not None:
            raise TypeError(f"{step} holds {type(value).__name__} where personal text belongs")


def _places(node: Any, step: str) -> list[Any]:
    if step == EACH and isinstance(node, list):
        return list(range(len(node)))
    if not isinstance(node, dict):
        raise TypeError(f"{type(node).__name__} found where {step} was expected")
    if step == EACH:
        return list(node)
    return [step] if step in node else []
