"""What an order may consist of, and what can become of it: facts out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.customer.definitions import Definition, moved
from shared.events.facts import Fact
from shared.events.sfa import (
    OrderCancelled,
    OrderDelayed,
    OrderDelivered,
    OrderLine,
    OrderMoved,
    OrderPlaced,
    OrderProvisioned,
    ProductDefined,
)
from shared.texts import N_, Saying, Text

OPEN = ("placed", "provisioned")
STATES = (*OPEN, "delivered", "cancelled")
ALLOWED: Mapping[str, tuple[str, ...]] = {
    N_("provision"): ("placed",),
    N_("delay"): OPEN,
    N_("deliver"): OPEN,
    N_("cancel"): OPEN,
}
"""Step -> the states from which it can be taken."""
MOST_LINES = 100
MOST_PIECES = 10_000
HIGHEST_PRICE = 1_000_000_000_000


class NotPossible(Saying):
    """The order isn't in a state in which this can be done; the text is for people."""


class OutOfTime(Saying, ValueError):
    """The instant lies before the step that it follows, or a promise in the past."""


class NotOrdered(Saying):
    """This can't be ordered. ``reason`` is a code, the text is for people."""

    def __init__(self, reason: str, said: str, /, **values: object) -> None:
        super().__init__(said, **values)
        self.reason = reason


@dataclass(frozen=True)
class Asked:
    """So many of a product, at a price that was agreed on; without one, at the product's."""

    product: str
    quantity: int = 1
    unit_price: int | None = None


@dataclass(frozen=True)
class Order:
    """An order as far as its rules look at it. All instants in UTC."""

    id: str
    member: str
    state: str
    placed: datetime
    changed: datetime
    promised: datetime | None = None
    problem: str = ""
    delivered: datetime | None = None
    how: str = ""
    reason: str = ""
    step: str = ""
    """A state of the department's own, beside the platform's."""
    territory: str = ""
    rep: str = ""

    def is_late(self, now: datetime) -> bool:
        """Whether it should have been delivered by now."""
        return self.state in OPEN and self.promised is not None and self.promised < now


def lines(
    asked: Sequence[Asked], products: Mapping[str, ProductDefined], *, past: bool = False
) -> tuple[OrderLine, ...]:
    """The lines of an order. ``past``: the product need not be on sale any more.

    Raises ``NotOrdered``: ``unknown_product``, ``not_on_sale`` or ``not_understood`` (no lines, amounts out of range).
    """
    if not 1 <= len(asked) <= MOST_LINES:
        raise NotOrdered("not_understood", N_("an order has from 1 to %(most)s lines"), most=MOST_LINES)
    made = []
    for one in asked:
        if not 1 <= one.quantity <= MOST_PIECES or not 0 <= (one.unit_price or 0) <= HIGHEST_PRICE:
            raise NotOrdered("not_understood", N_("%(product)s: a quantity or price out of range"), product=one.product)
        of = products.get(one.product)
        if of is None:
            raise NotOrdered("unknown_product", N_("there is no product %(product)s"), product=one.product)
        if not (of.on_sale or past):
            raise NotOrdered("not_on_sale", N_("%(name)s isn't on sale any more"), name=of.name)
        price = of.unit_price if one.unit_price is None else one.unit_price
        made.append(OrderLine(product=of.product, name=of.name, quantity=one.quantity, unit_price=price))
    return tuple(made)


def total(of: Sequence[OrderLine]) -> int:
    """What the lines cost together, in minor units."""
    return sum(line.quantity * line.unit_price for line in of)


def provision(order: Order, at: datetime) -> OrderProvisioned:
    """What was ordered is set up. Raises ``NotPossible``, ``OutOfTime``."""
    _check(order, "provision", at)
    return OrderProvisioned(order=order.id)


def delay(order: Order, problem: str, promised: datetime | None, at: datetime) -> OrderDelayed:
    """Something is wrong, and perhaps there is a new promise. Raises ``NotPossible``, ``OutOfTime``."""
    _check(order, "delay", at)
    if promised is not None and promised < at:
        raise OutOfTime(N_("a promise can't lie in the past"))
    return OrderDelayed(order=order.id, problem=problem, promised=promised)


def deliver(order: Order, how: str, at: datetime) -> OrderDelivered:
    """The customer has it, whether it was said to be set up before or not. Raises ``NotPossible``, ``OutOfTime``."""
    _check(order, "deliver", at)
    return OrderDelivered(order=order.id, how=how)


def cancel(order: Order, reason: str, at: datetime) -> OrderCancelled:
    """It isn't wanted any more, or can't be carried out. Raises ``NotPossible``, ``OutOfTime``."""
    _check(order, "cancel", at)
    return OrderCancelled(order=order.id, reason=reason)


def move(order: Order, step: str, states: Iterable[Definition], at: datetime) -> OrderMoved:
    """The department's own state beside the platform's, which no promise looks at; empty: none. Raises ``NotTaken``,
    ``OutOfTime``."""
    if at < order.changed:
        raise OutOfTime(N_("the instant lies before the order's last step"))
    return OrderMoved(order=order.id, step=moved(order.state, step, states), state=order.state)


def placed(fact: OrderPlaced, member: str, at: datetime) -> Order:
    """The order that was placed at ``at``."""
    return Order(fact.order, member, "placed", at, at, fact.promised, territory=fact.territory, rep=fact.rep)


def after(order: Order, fact: Fact, at: datetime) -> Order:
    """The order once this fact of ``at`` has happened."""
    match fact:
        case OrderMoved():
            return replace(order, step=fact.step, changed=max(order.changed, at))
        case OrderProvisioned():
            return replace(order, state="provisioned", problem="", changed=at)
        case OrderDelayed():
            return replace(order, problem=fact.problem, promised=fact.promised or order.promised, changed=at)
        case OrderDelivered():
            return replace(order, state="delivered", problem="", delivered=at, how=fact.how, changed=at)
        case OrderCancelled():
            return replace(order, state="cancelled", problem="", reason=fact.reason, changed=at)
    return order


def told(fact: Fact) -> tuple[str, str]:
    """A fact as a line of the order's history: (step, detail)."""
    match fact:
        case OrderProvisioned():
            return "provisioned", ""
        case OrderDelayed():
            return "delayed", fact.problem
        case OrderDelivered():
            return "delivered", fact.how
        case OrderCancelled():
            return "cancelled", fact.reason
        case OrderMoved():
            return "moved", fact.step
        case OrderPlaced():
            return "placed", fact.channel
    raise TypeError(f"{type(fact).__name__} is no step of an order")


def _check(order: Order, step: str, at: datetime) -> None:
    if order.state not in ALLOWED[step]:
        raise NotPossible(
            N_("an order that is %(state)s can't be taken through '%(step)s'; reload to see it"),
            state=Text(order.state),
            step=Text(step),
        )
    if at < order.changed:
        raise OutOfTime(N_("the instant lies before the order's last step"))
