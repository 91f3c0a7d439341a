"""Orders of the past are read in, each once however often its list is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256

from services.sfa.orders import rules, store
from services.sfa.orders.handlers import refusing
from services.sfa.orders.rules import Asked
from services.sfa.orders.store import Placing, Step
from services.sfa.products import reads as products
from shared.access.actions import Action
from shared.customer.member import Member, stream
from shared.edge.errors import Invalid, NotFound
from shared.events.sfa import OrderDelivered, OrderPlaced, ProductDefined
from shared.pipeline.steady import hold_steady
from shared.pipeline.work import Work
from shared.texts import N_


@dataclass(frozen=True)
class Past:
    """An order that another system took."""

    key: str
    """Its number there."""
    member: str
    lines: tuple[Asked, ...]
    at: datetime
    delivered: datetime | None = None
    how: str = "remote"
    total: int | None = None
    """What was paid, where that isn't the sum of the lines."""


@dataclass(frozen=True)
class Outcome:
    """What became of a list."""

    placed: int
    known: int
    """They had been read in before; nothing of them was changed."""
    erased: int
    """Left out, because their customers were erased."""


def order_id(origin: str, key: str) -> str:
    """The id of another system's order: always the same (a UUIDv8), so that a repeat is known also after a restore."""
    digest = sha256(f"{origin}\n{key}".encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-8{digest[12:15]}-8{digest[15:18]}-{digest[18:30]}"


def import_orders(work: Work, origin: str, orders: Sequence[Past], currency: str) -> Outcome:
    """Take in orders of the past, all or none. ``origin``: the other system.

    Raises ``Forbidden``; ``NotFound`` for a customer that isn't known here; ``Invalid`` for an unknown product, an
    instant in the future, a delivery before the order.
    """
    work.need(Action.ORDER_IMPORT)
    erased = hold_steady(work, {past.member for past in orders})
    if missing := sorted({past.member for past in orders} - erased.keys()):
        raise NotFound(
            N_("%(missing)s of these customers don't exist here, %(first)s for one"),
            missing=len(missing),
            first=missing[0],
        )
    known = products.some(work.session, {line.product for past in orders for line in past.lines})
    wanted = {order_id(origin, past.key): past for past in orders}
    if len(wanted) < len(orders):
        raise Invalid(N_("an order is named twice in the list"))
    kept = {id: past for id, past in wanted.items() if not erased[past.member]}
    placings = [_placing(work, id, past, known, currency) for id, past in kept.items()]
    added = store.place(work, placings)
    for one in placings:
        if one.fact.order in added:
            # History: nobody is to be contacted because of what was bought years ago.
            work.publish(stream(Member(one.member)), one.fact, one.at, history=True)
    _deliver(work, {id: past for id, past in kept.items() if id in added})
    return Outcome(len(added), len(kept) - len(added), len(wanted) - len(kept))


def _placing(work: Work, id: str, past: Past, known: Mapping[str, ProductDefined], currency: str) -> Placing:
    if past.at > work.now or (past.delivered or past.at) > work.now:
        raise Invalid(N_("order %(key)s lies in the future"), key=past.key)
    if past.delivered and past.delivered < past.at:
        raise Invalid(N_("order %(key)s was delivered before it was placed"), key=past.key)
    lines = refusing(partial(rules.lines, past.lines, known, past=True))
    total = rules.total(lines) if past.total is None else past.total
    fact = OrderPlaced(order=id, lines=lines, total=total, currency=currency, channel="import")
    return Placing(past.member, fact, past.at, work.actor.id)


def _deliver(work: Work, added: dict[str, Past]) -> None:
    held = store.hold(work.session, [id for id, past in added.items() if past.delivered])
    steps = []
    for id, past in added.items():
        if past.delivered:
            fact = OrderDelivered(order=id, how=past.how)
            steps.append(Step(held[id], fact, past.delivered, work.actor.id))
            work.publish(stream(Member(past.member)), fact, past.delivered, history=True)
    store.step(work, steps)
