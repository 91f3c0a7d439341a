"""What is shown of cases. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.callcenter.cases.tables import case
from shared.edge.errors import NotFound
from shared.pipeline.customer_tables import any_of


def one(session: Session, id: str) -> Any:
    """The row of a case. Raises ``NotFound``."""
    row = session.execute(select(case).where(case.c.id == id)).one_or_none()
    if row is None:
        raise NotFound("there is no such case")
    return row


def some(
    session: Session, *, members: Iterable[str] | None = None, state: str | None = None, limit: int = 50
) -> list[Any]:
    """Cases of these members or of all, in one state or any; the oldest request first, if open, else the newest."""
    query = select(case)
    if members is not None:
        query = query.where(case.c.member == any_of(members))
    if state:
        query = query.where(case.c.state == state)
    order = case.c.requested if state == "open" else case.c.requested.desc()
    return list(session.execute(query.order_by(order, case.c.id).limit(limit)))
