"""What is shown of orders. Nothing here writes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, or_, select

from services.sfa.orders.rules import OPEN
from services.sfa.orders.tables import order_line, order_step, sales_order
from shared.access.actions import TEXT, Action
from shared.access.grants import NO_FIELDS
from shared.customer.definitions import Definition, step_of
from shared.edge.errors import NotFound
from shared.pipeline import clusters, vocabulary
from shared.pipeline.customer_tables import any_of
from shared.pipeline.look import Look
from shared.pipeline.within import within_reach
from shared.texts import N_

MOST = 50


@dataclass(frozen=True)
class Whole:
    """An order with its lines and its history."""

    order: Any
    lines: list[Any]
    steps: list[Any]
    may_step: bool
    """Whether the reader may take it through a step."""
    custom: dict[str, str]
    """Values of the department's own fields, by code; the hidden ones aren't here."""
    masked: list[str]
    """Names of the hidden ones: ``custom.<code>``."""
    definitions: list[Definition]
    """Of the department's own fields and states."""

    @property
    def written(self) -> list[tuple[Definition, str]]:
        """The values of own fields with their definitions, in the order of the list."""
        of = [(one, self.custom[one.code]) for one in self.definitions if one.code in self.custom]
        return [pair for pair in of if pair[0].kind == "order_field"]

    @property
    def steps_to(self) -> list[Definition]:
        """The department's own states that it can be put into."""
        return [one for one in self.definitions if one.category == self.order.state and not one.retired]

    @property
    def step(self) -> Definition | None:
        """The department's own state that it is in."""
        return step_of(self.order.state, self.order.step, self.definitions)

    def moved_to(self, step: Any, language: str) -> str:
        """What the department calls the state that a line of the history tells of; empty for other lines."""
        of = (one for one in self.definitions if one.kind == "order_state" and one.code == step.detail)
        return next((one.label(language) for one in of), "") if step.step == "moved" else ""


def one(look: Look, id: str) -> Whole:
    """Raises ``Forbidden`` for an order of a customer out of reach, ``NotFound``."""
    look.need(Action.ORDER_READ)
    session = look.session
    order = session.execute(select(sales_order).where(sales_order.c.id == id)).one_or_none()
    if order is None:
        raise NotFound(N_("there is no such order"))
    fields = look.see(Action.ORDER_READ, order.member)
    fields &= look.fields(Action.CUSTOMER_READ, [order.member]).get(order.member, NO_FIELDS)
    custom, masked = (order.custom, []) if TEXT in fields else ({}, [f"custom.{code}" for code in order.custom])
    look.saw_customers([order.member])
    lines = session.execute(select(order_line).where(order_line.c.order_id == id).order_by(order_line.c.place))
    steps = session.execute(select(order_step).where(order_step.c.order_id == id).order_by(order_step.c.place))
    may_step = bool(look.fields(Action.ORDER_STEP, [order.member]))
    definitions = vocabulary.own(session, look.source, "order_field", "order_state")
    return Whole(order, list(lines), list(steps), may_step, custom, masked, definitions)


def order_fields(look: Look) -> list[Definition]:
    """The department's own fields that an order may fill; none where the actor may not read them."""
    if not look.may(Action.FIELD_READ):
        return []
    return vocabulary.own(look.session, look.source, "order_field", retired=False)


def some(look: Look, *, customer: str = "", state: str | None = None, limit: int = MOST) -> list[Any]:
    """Orders of a customer or of everybody within reach, the newest first.

    ``state``: one of ``rules.STATES``; or ``open``; or ``late``, which are open and should have been delivered. Raises
    ``Forbidden``, also for a customer out of reach.
    """
    look.need(Action.ORDER_READ)
    if not customer:
        return within(look, in_state(look, state), limit)
    look.see(Action.ORDER_READ, customer)
    return of(look, clusters.mates_of(look.session, [customer])[customer], state, limit)


def of(look: Look, members: Collection[str], state: str | None = None, limit: int = MOST) -> list[Any]:
    """The newest orders of those of these members that are within reach. Raises ``Forbidden``."""
    look.need(Action.ORDER_READ)
    return within(look, in_state(look, state).where(sales_order.c.member == any_of(sorted(members))), limit)


def in_state(look: Look, state: str | None) -> Select[Any]:
    """Orders in a state as ``some`` has them, the newest first."""
    c = sales_order.c
    query = select(sales_order)
    if state in ("open", "late"):
        query = query.where(c.state.in_(OPEN))
    elif state:
        query = query.where(c.state == state)
    if state == "late":
        query = query.where(and_(c.promised.is_not(None), c.promised < look.now))
    return query.order_by(c.placed.desc(), c.id)


def within(look: Look, query: Select[Any], limit: int, start: tuple[datetime, str] | None = None) -> list[Any]:
    """So many of the orders within reach, the newest first. ``start``: when the last one before them was placed, and
    its id."""
    c = sales_order.c

    def more(last: Row[Any] | None, size: int) -> Sequence[Row[Any]]:
        place = start if last is None else (last.placed, last.id)
        if place is None:
            return look.session.execute(query.limit(size)).all()
        at, id = place
        after = query.where(c.placed <= at, or_(c.placed < at, c.id > id))
        return look.session.execute(after.limit(size)).all()

    found = [row for row, _ in within_reach(look, Action.ORDER_READ, more, lambda row: [str(row.member)], limit)]
    look.saw_customers(row.member for row in found)
    return found
