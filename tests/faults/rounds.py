"""What customers were promised who went round the circle."""

from __future__ import annotations

from dataclasses import dataclass, field

TERRITORIES = {"north": "rosa", "south": "ramon"}
"""With the reps who look after them."""
FORBIDDEN = "contact_allowed.phone"
"""What a customer may forbid."""


def territory_of(number: int) -> str:
    """Where a goer's customers are."""
    return list(TERRITORIES)[number % len(TERRITORIES)]


@dataclass
class Order:
    """An order that was acknowledged."""

    member: str
    total: int
    state: str = "placed"


@dataclass
class Person:
    """A customer as those outside know it: one telephone number, and one member or two."""

    number: str
    member: str
    """As the call center met it."""
    territory: str = ""
    other: str = ""
    """As sales met it, with the same number."""
    linked: bool = False
    decided: bool = False
    """Whether a person ever parted the two."""
    forbids: bool = False
    values: list[tuple[str, str, str]] = field(default_factory=list)
    """Member, field and value of each edit at a desk; every value is another one."""
    claims: list[str] = field(default_factory=list)
    """Made on a device."""
    notes: dict[str, str] = field(default_factory=dict)
    """Note -> member."""
    orders: dict[str, Order] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    """Order -> member; sales force automation has no such product."""

    @property
    def clusters(self) -> list[list[str]]:
        """Its members, those together that are one customer."""
        both = sorted(filter(None, (self.member, self.other)))
        return [both] if self.linked else [[member] for member in both]


@dataclass
class Rounds:
    """All that was acknowledged."""

    persons: dict[int, list[Person]] = field(default_factory=dict)
    """By number of the one who goes: each has customers of its own."""
    journeys: int = 0
    repeated: int = 0
    """Pushes that were sent once more after their acknowledgement."""

    def __str__(self) -> str:
        of = self.everybody()
        return (
            f"{self.journeys} journeys of {len(of)} customers, {sum(len(p.orders) for p in of)} orders placed and "
            f"{sum(len(p.refused) for p in of)} refused, {sum(len(p.notes) for p in of)} notes, "
            f"{sum(len(p.claims) + len(p.values) for p in of)} edits, {sum(bool(p.other) for p in of)} met twice, "
            f"{sum(p.decided for p in of)} of these parted, {self.repeated} pushes sent once more"
        )

    def everybody(self) -> list[Person]:
        return [person for of in self.persons.values() for person in of]
