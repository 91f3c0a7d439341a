"""What is shown of requests. Nothing here writes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from services.sfa.requests.tables import order_decision, order_request

_r, _d = order_request.c, order_decision.c
# Another request under the id of an order that was decided: the first decision stands, and this one is refused.
_is_other = and_(_d.content != "", _d.content != _r.content)
_STATE = case((_d.outcome.is_(None), "undecided"), (_is_other, "refused"), else_=_d.outcome)
_REASON = case((_d.outcome.is_(None), ""), (_is_other, "order_exists"), else_=_d.reason)


def some(session: Session, *, state: str | None = None, limit: int = 100) -> list[Any]:
    """Requests in a state (``undecided``, ``waiting``, ``placed``, ``refused``) or all, the newest first.

    One whose id was another order's already is refused with the reason ``order_exists``; nobody else is told, as the
    id is that of the order that stands.
    """
    query = (
        select(
            _r.id,
            _r.order_id,
            _r.member,
            _r.lines,
            _r.currency,
            _r.rep,
            _r.device,
            _r.number,
            _r.requested,
            _STATE.label("state"),
            _REASON.label("reason"),
            _d.decided,
            func.coalesce(_d.by, "").label("decided_by"),
        )
        .outerjoin(order_decision, _d.order_id == _r.order_id)
        .order_by(_r.requested.desc(), _r.id)
        .limit(limit)
    )
    return list(session.execute(query if state is None else query.where(_STATE.in_([state]))))
