"""How the page of definitions is laid out: a list of each kind that the department has. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shared.customer.definitions import CUSTOMER_FIELD, FIELD_KINDS, FORMS, KINDS, STATE_KINDS, Definition


@dataclass(frozen=True)
class Listed:
    """A definition, and whether it is another department's, to be seen here only."""

    definition: Definition
    department: str
    is_own: bool


@dataclass(frozen=True)
class List:
    """All definitions of a kind, and what a new one may be."""

    kind: str
    definitions: list[Listed]
    forms: tuple[str, ...]
    categories: tuple[str, ...]

    @property
    def holds_values(self) -> bool:
        return bool(self.forms)


def lists(service: str, definitions: Iterable[Listed]) -> list[List]:
    """The definitions by kind, in the order of the kinds; what stands comes before what is retired."""
    found: dict[str, list[Listed]] = {kind: [] for kind in KINDS.get(service, ())}
    for one in definitions:
        found[one.definition.kind].append(one)
    return [
        List(
            kind,
            sorted(of, key=lambda one: (one.definition.retired, one.definition.place, one.definition.code)),
            forms_of(kind),
            STATE_KINDS.get(kind, ()),
        )
        for kind, of in found.items()
    ]


def forms_of(kind: str) -> tuple[str, ...]:
    """What a field of this kind may hold; nothing for what isn't a field."""
    if kind not in FIELD_KINDS:
        return ()
    return (*FORMS, "set") if kind == CUSTOMER_FIELD else FORMS


def choices_in(text: str) -> tuple[str, ...]:
    """Choices that somebody typed with commas between."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
