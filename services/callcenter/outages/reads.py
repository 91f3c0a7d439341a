"""What is shown of outages. Nothing here writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import case, func, select

from services.callcenter.cases import reads as cases
from services.callcenter.cases.reads import Case
from services.callcenter.cases.tables import case as customer_case
from services.callcenter.outages.tables import outage, outage_case
from shared.access.actions import Action
from shared.pipeline.customer_tables import any_of
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


def evidence(look: Look, outages: Collection[str]) -> dict[str, list[Case]]:
    """The cases that outages were seen from, the newest first; of those within reach. Raises ``Forbidden``."""
    look.need(Action.OUTAGE_READ)
    if not (outages and look.may(Action.CASE_READ)):
        return {}
    o = outage_case.c
    of_them = select(o.outage, o.case).where(o.outage == any_of(sorted(outages)))
    outage_of = {row.case: row.outage for row in look.session.execute(of_them)}
    c = customer_case.c
    query = select(*cases.COLUMNS).where(c.id == any_of(sorted(outage_of))).order_by(c.requested.desc(), c.id)
    found: dict[str, list[Case]] = defaultdict(list)
    for one in cases.seen(look, look.session.execute(query).all()):
        found[outage_of[one.id]].append(one)
    return found
