"""What is shown of requests. Nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, and_, case, func, or_, select

from services.sfa.requests.tables import order_decision, order_request
from shared.access.actions import Action, Reach
from shared.pipeline.look import Look
from shared.pipeline.within import within_reach

_r, _d = order_request.c, order_decision.c
# Another request under the id of an order that was decided: the first decision stands, and this one is refused.
_is_other = and_(_d.content != "", _d.content != _r.content)
_STATE = case((_d.outcome.is_(None), "undecided"), (_is_other, "refused"), else_=_d.outcome)
_REASON = case((_d.outcome.is_(None), ""), (_is_other, "order_exists"), else_=_d.reason)


def some(look: Look, *, state: str | None = None, rep: str = "", limit: int = 100) -> list[Any]:
    """Requests in a state (``undecided``, ``waiting``, ``placed``, ``refused``) or all, of one rep or all, the newest
    first: of customers within reach, and the reader's own.

    One whose id was another order's already is refused with the reason ``order_exists``; nobody else is told, as the
    id is that of the order that stands. Raises ``Forbidden``.
    """
    look.need(Action.REQUEST_READ)
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
    )
    if state is not None:
        query = query.where(_STATE.in_([state]))
    if rep:
        query = query.where(_r.rep == rep)

    def more(last: Row[Any] | None, size: int) -> Sequence[Any]:
        after = (
            query
            if last is None
            else query.where(or_(_r.requested < last.requested, and_(_r.requested == last.requested, _r.id > last.id)))
        )
        return look.session.execute(after.limit(size)).all()

    def own(row: Row[Any]) -> tuple[Reach, ...]:
        return (Reach.OWN,) if row.rep == look.actor.id else ()

    kept = within_reach(look, Action.REQUEST_READ, more, lambda row: [str(row.member)], limit, also=own)
    look.saw_customers(row.member for row, _ in kept)
    return [row for row, _ in kept]
