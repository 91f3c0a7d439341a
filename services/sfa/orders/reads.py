"""What is shown of orders. Nothing here writes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from services.sfa.orders.rules import OPEN
from services.sfa.orders.tables import order_line, order_step, sales_order
from shared.edge.errors import NotFound
from shared.pipeline.customer_tables import any_of


@dataclass(frozen=True)
class Whole:
    """An order with its lines and its history."""

    order: Any
    lines: list[Any]
    steps: list[Any]


def one(session: Session, id: str) -> Whole:
    """Raises ``NotFound``."""
    order = session.execute(select(sales_order).where(sales_order.c.id == id)).one_or_none()
    if order is None:
        raise NotFound("there is no such order")
    lines = session.execute(select(order_line).where(order_line.c.order_id == id).order_by(order_line.c.place))
    steps = session.execute(select(order_step).where(order_step.c.order_id == id).order_by(order_step.c.place))
    return Whole(order, list(lines), list(steps))


def some(
    session: Session,
    *,
    now: datetime,
    members: Collection[str] | None = None,
    state: str | None = None,
    limit: int = 50,
) -> list[Any]:
    """Orders of these customers or of all, the newest first.

    ``state``: one of ``rules.STATES``; or ``open``; or ``late``, which are open and should have been delivered.
    """
    c = sales_order.c
    query = select(sales_order)
    if members is not None:
        query = query.where(c.member == any_of(sorted(members)))
    if state in ("open", "late"):
        query = query.where(c.state.in_(OPEN))
    elif state:
        query = query.where(c.state == state)
    if state == "late":
        query = query.where(and_(c.promised.is_not(None), c.promised < now))
    return list(session.execute(query.order_by(c.placed.desc(), c.id).limit(limit)))
