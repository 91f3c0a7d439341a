"""Where orders are written: from facts, so that a command and a recovery write the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from services.sfa.orders import rules
from services.sfa.orders.rules import Order
from services.sfa.orders.tables import order_line, order_step, sales_order
from shared.events.facts import Fact
from shared.events.sfa import OrderPlaced
from shared.pipeline.customer_tables import any_of
from shared.pipeline.work import Work

_NAMES = tuple(field.name for field in fields(Order))
_COLUMNS = tuple(sales_order.c[name] for name in _NAMES)
_CHANGING = ("state", "changed", "promised", "problem", "delivered", "how", "reason", "step")


@dataclass(frozen=True)
class Placing:
    """An order that was placed."""

    member: str
    fact: OrderPlaced
    at: datetime
    by: str


@dataclass(frozen=True)
class Step:
    """What happened to an order."""

    order: Order
    """Before."""
    fact: Fact
    at: datetime
    by: str


def place(work: Work, placings: Sequence[Placing]) -> set[str]:
    """Keep new orders; gives those that weren't there yet, the others are left as they are."""
    if not placings:
        return set()
    by_id = {one.fact.order: one for one in placings}
    rows = [_row(one) for _, one in sorted(by_id.items())]
    new = upsert(sales_order).on_conflict_do_nothing().returning(sales_order.c.id)
    added = set(work.session.scalars(new, rows))
    lines = [row for id in sorted(added) for row in _lines(by_id[id].fact)]
    steps = [_step(id, by_id[id].fact, by_id[id].at, by_id[id].by) for id in sorted(added)]
    if added:
        work.session.execute(order_line.insert(), lines)
        work.session.execute(order_step.insert(), steps)
    return added


def hold(session: Session, ids: Iterable[str]) -> dict[str, Order]:
    """Those of the orders that exist, locked to the end of the transaction."""
    of_them = sales_order.c.id == any_of(sorted(set(ids)))
    rows = session.execute(select(*_COLUMNS).where(of_them).order_by(sales_order.c.id).with_for_update())
    return {row.id: Order(*row) for row in rows}


def forget(work: Work, members: Collection[str]) -> Counter[str]:
    """Empty what orders say about the members in fields of the department's own; gives how many said something."""
    c = sales_order.c
    said = update(sales_order).where(c.member == any_of(members), c.custom != {}).values(custom={})
    return Counter(work.session.scalars(said.returning(c.member)).all())


def step(work: Work, steps: Sequence[Step]) -> None:
    """Write what became of orders that are held; of several steps of one order each is given the order before it."""
    if not steps:
        return
    after = {one.order.id: rules.after(one.order, one.fact, one.at) for one in steps}
    values = [{"order": id, **{f"new_{n}": getattr(of, n) for n in _CHANGING}} for id, of in sorted(after.items())]
    work.session.connection().execute(_UPDATE, values)
    work.session.execute(order_step.insert(), [_step(one.order.id, one.fact, one.at, one.by) for one in steps])


_UPDATE = (
    update(sales_order)
    .where(sales_order.c.id == bindparam("order"))
    .values({name: bindparam(f"new_{name}") for name in _CHANGING})
)


def _row(one: Placing) -> dict[str, Any]:
    order = rules.placed(one.fact, one.member, one.at)
    fact = one.fact
    shown: Mapping[str, Any] = {name: getattr(order, name) for name in _NAMES}
    said = {name: getattr(fact, name) for name in ("total", "currency", "channel")}
    return {**shown, **said, "custom": fact.custom}


def _lines(fact: OrderPlaced) -> list[dict[str, Any]]:
    return [
        {
            "order_id": fact.order,
            "place": place,
            "product": line.product,
            "name": line.name,
            "quantity": line.quantity,
            "unit_price": line.unit_price,
        }
        for place, line in enumerate(fact.lines, 1)
    ]


def _step(id: str, fact: Fact, at: datetime, by: str) -> dict[str, Any]:
    name, detail = rules.told(fact)
    return {"order_id": id, "step": name, "at": at, "by": by, "detail": detail}
