"""What is shown of outages. Nothing here writes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import case, func, select

from services.callcenter.outages.tables import outage, outage_case
from shared.access.actions import Action
from shared.pipeline.look import Look

MOST = 50


def some(look: Look, *, is_open: bool = False) -> list[Any]:
    """Outages with ``cases``, their number: those to be decided first, then confirmed ones, then the newest. Raises
    ``Forbidden``."""
    look.need(Action.OUTAGE_READ)
    o = outage.c
    counted = select(func.count()).where(outage_case.c.outage == o.id).scalar_subquery()
    order = case((o.state == "proposed", 0), (o.state == "confirmed", 1), else_=2)
    query = select(outage, counted.label("cases")).order_by(order, o.proposed.desc(), o.id)
    if is_open:
        query = query.where(o.state != "dismissed")
    return list(look.session.execute(query.limit(MOST)))
