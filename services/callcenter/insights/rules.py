"""What follows from what was heard of a customer: the state of orders, what is wrong, the relation. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

LAPSES = timedelta(days=365)
"""Who ordered longer ago than this is a customer no longer."""


@dataclass(frozen=True)
class Item:
    """So many of one product."""

    name: str
    quantity: int


@dataclass(frozen=True)
class Order:
    """An order as far as it was heard of; each instant is that of a step, or none."""

    order: str
    member: str
    requested: datetime | None = None
    placed: datetime | None = None
    lines: tuple[Item, ...] = ()
    total: int | None = None
    """In minor units."""
    currency: str | None = None
    channel: str | None = None
    promised: datetime | None = None
    provisioned: datetime | None = None
    delayed: datetime | None = None
    problem: str | None = None
    delivered: datetime | None = None
    how: str | None = None
    cancelled: datetime | None = None
    refused: datetime | None = None
    reason: str | None = None

    @property
    def state(self) -> str:
        """``requested``, ``placed``, ``provisioned``, ``delivered``, ``cancelled`` or ``refused``."""
        return next((step for step in LAST_FIRST if getattr(self, step)), "placed")

    @property
    def is_open(self) -> bool:
        """Whether the customer still waits for it."""
        return self.state in ("requested", "placed", "provisioned")

    @property
    def began(self) -> datetime | None:
        return self.placed or self.requested or min((at for at, _ in self.steps()), default=None)

    def steps(self) -> Iterator[tuple[datetime, str]]:
        """When which step was."""
        for step in STEPS:
            if at := getattr(self, step):
                yield at, step

    def wrong(self, now: datetime) -> tuple[str, ...]:
        """What is wrong with it, the worst first: codes of problems, ``overdue``, ``refused``, ``cancelled``."""
        if not self.is_open:
            return (self.state,) if self.state in ("refused", "cancelled") else ()
        overdue = ("overdue",) if self.promised and self.promised < now else ()
        return (*overdue, self.problem) if self.problem else overdue


LAST_FIRST = ("cancelled", "delivered", "refused", "provisioned", "placed", "requested")
STEPS = ("requested", "placed", "provisioned", "delayed", "delivered", "cancelled", "refused")


@dataclass(frozen=True)
class Value:
    """What the customer is worth, as marketing told it for a member."""

    member: str
    amount: int
    """In minor units."""
    currency: str
    window_days: int
    orders: int
    last_order: datetime | None
    told: datetime


@dataclass(frozen=True)
class Line:
    """Something that happened to the customer."""

    at: datetime
    kind: str
    """``contact``, ``case``, ``order`` or ``note``."""
    id: str
    step: str
    """The contact's channel, what became of the case or the order, or empty."""
    text: str | None = field(default="", compare=False)
    """None where it is hidden from the actor."""


def newest_value(values: Iterable[Value]) -> Value | None:
    """The value of a customer of several members: each was told the whole of it, so the newest told stands."""
    return max(values, key=lambda v: (v.told, v.member), default=None)


def last_order(orders: Iterable[Order]) -> datetime | None:
    """When the customer last ordered something that wasn't cancelled or refused."""
    return max((o.placed for o in orders if o.placed and not (o.cancelled or o.refused)), default=None)


def relation(status: str, said: datetime | None, ordered: datetime | None, now: datetime) -> str:
    """``prospect``, ``customer`` or ``lapsed``: the newer of what a person ``said`` and the last order decides."""
    if ordered is None:
        return status or "prospect"
    if status and said is not None and said > ordered:
        return status
    return "customer" if now - ordered <= LAPSES else "lapsed"


def newest_first(orders: Iterable[Order], most: int) -> list[Order]:
    """The newest orders."""
    dated = [(o.began, o.order, o) for o in orders]
    known = sorted(((at, id, o) for at, id, o in dated if at), key=lambda each: each[:2], reverse=True)
    return [o for _, _, o in known[:most]]


def timeline(lines: Iterable[Line], most: int) -> list[Line]:
    """The newest lines, the newest first."""
    return sorted(lines, key=lambda line: (line.at, line.kind, line.id, line.step), reverse=True)[:most]
