"""Requests are heard and decided: by the task ``requests``, or by a person."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import exists, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from services.sfa import live
from services.sfa.orders import store
from services.sfa.orders.rules import total
from services.sfa.orders.store import Placing
from services.sfa.orders.tables import order_line, sales_order
from services.sfa.products import reads as products
from services.sfa.products.tables import product
from services.sfa.requests import rules
from services.sfa.requests.rules import Circumstances, Decision, Request
from services.sfa.requests.tables import order_decision, order_request
from services.sfa.territories import reads as territories
from services.sfa.territories.tables import territory_rep
from shared.access.actions import Action
from shared.customer.member import Member, member_of, stream
from shared.edge.errors import Conflict, NotFound
from shared.events.envelope import UUID_TEXT, Event
from shared.events.sfa import OrderPlaced, OrderRefused
from shared.events.sync import OrderRequested, RequestedLine
from shared.pipeline import due, keys
from shared.pipeline.claims import named
from shared.pipeline.customer_tables import any_of
from shared.pipeline.steady import hold_steady
from shared.pipeline.tasks import Item, Task
from shared.pipeline.work import Work
from shared.texts import N_

TASK = "requests"
LOOK_AGAIN = timedelta(minutes=1)
"""How often is looked whether there are products and reps, until there are."""


def task(currency: str) -> Task:
    """Decides requests. ``currency``: of all amounts here."""

    def run(work: Work, items: Sequence[Item]) -> Mapping[str, datetime]:
        return decide(work, [item.key for item in items], currency)

    return Task(TASK, run, slices=("customers", "requests"))


def heard_requested(work: Work, events: list[Event]) -> None:
    """Reps took orders on their devices."""
    rows, good = [], []
    for event in named(work, events):
        if isinstance(event.fact, OrderRequested) and UUID_TEXT.fullmatch(event.fact.order):
            rows.append(_row(event, event.fact))
            good.append(event)
        else:
            work.reject(event, "the order's id is none")
    if rows:
        work.session.execute(upsert(order_request).on_conflict_do_nothing(), rows)
        due.mark_of(work, TASK, lambda event: [event.fact.order], good)  # type: ignore[union-attr]


def _row(event: Event, fact: OrderRequested) -> dict[str, Any]:
    lines = [msgspec.structs.asdict(line) for line in fact.lines]
    member = member_of(event.stream)
    return {
        "id": event.id,
        "order_id": fact.order,
        "member": member,
        "lines": lines,
        "currency": fact.currency,
        "rep": fact.rep,
        "device": fact.device,
        "number": fact.number,
        "requested": event.occurred,
        "history": not event.live,
        "content": rules.content(member, fact.rep, fact.currency, lines),
    }


def decide(work: Work, ids: Sequence[str], currency: str) -> Mapping[str, datetime]:
    """Decide the requests for these orders, of each the first; gives those to look at again, and when."""
    requests = _undecided(work.session, ids)
    taken = _taken(work.session, requests.values())
    open_ones = [request for order, request in sorted(requests.items()) if order not in taken]
    if open_ones and not _ready(work.session):
        return {request.order: work.now + LOOK_AGAIN for request in open_ones}
    where = territories.territories_of(work.session, {request.member for request in open_ones})
    around = _circumstances(work, open_ones, where, currency)
    decisions = [(request, rules.decide(request, around[request.order])) for request in open_ones]
    _carry_out(work, decisions, where, currency)
    _keep(work, [*decisions, *((requests[order], decision) for order, decision in taken.items())])
    return {}


def accept(work: Work, order: str, currency: str) -> Decision:
    """A person has a waiting request placed, whatever its age and the rep's territory.

    Raises ``Forbidden``; ``NotFound``; ``Conflict`` when it doesn't wait, or can't become an order.
    """
    request = _waiting(work, order)
    where = territories.territories_of(work.session, {request.member})
    around = _circumstances(work, [request], where, currency)
    decision = rules.decide(request, around[order], person=True)
    if decision.outcome != "placed":
        raise Conflict(N_("this request can't become an order: %(text)s"), text=decision.text)
    return _by_person(work, request, decision, where, currency)


def refuse(work: Work, order: str) -> Decision:
    """A person refuses a waiting request. Raises ``Forbidden``, ``NotFound``, ``Conflict`` when it doesn't wait."""
    return _by_person(work, _waiting(work, order), Decision("refused", "person"), {}, "")


def _waiting(work: Work, order: str) -> Request:
    work.need(Action.REQUEST_DECIDE)
    d, r = order_decision.c, order_request.c
    for member in set(work.session.scalars(select(r.member).where(r.order_id == order))):
        work.see(Action.REQUEST_DECIDE, member)
    decided = work.session.execute(
        select(d.outcome, d.reason, d.content).where(d.order_id == order).with_for_update()
    ).one_or_none()
    if decided is None:
        raise NotFound(N_("no request for this order waits for a person"))
    if decided.outcome != "waiting":
        said = f"{decided.outcome} {decided.reason}".strip()
        raise Conflict(N_("this request was decided already: %(decision)s"), decision=said)
    rows = work.session.execute(_FIRST.where(r.order_id == order, r.content == decided.content)).all()
    if not rows:
        raise Conflict(N_("the request is being heard again just now; try in a moment"))
    return _request(rows[0])


def _by_person(work: Work, request: Request, decision: Decision, where: Mapping[str, str], currency: str) -> Decision:
    _carry_out(work, [(request, decision)], where, currency)
    values = {"outcome": decision.outcome, "reason": decision.reason, "decided": work.now, "by": work.actor.id}
    work.session.execute(update(order_decision).where(order_decision.c.order_id == request.order).values(values))
    return decision


def take_in(work: Work, events: list[Event]) -> None:
    """What this service refused before its database was restored: called by ``recover`` only."""
    rows = [
        {
            "order_id": event.fact.order,
            "content": "",
            "outcome": "refused",
            "reason": event.fact.reason,
            "decided": event.occurred,
            "by": event.envelope.authid,
        }
        for event in events
        if isinstance(event.fact, OrderRefused)
    ]
    new = upsert(order_decision)
    set_ = {name: new.excluded[name] for name in ("outcome", "reason", "decided", "by")}
    work.session.execute(new.on_conflict_do_update(index_elements=["order_id"], set_=set_), rows)


_FIRST = (
    select(order_request)
    .ext(distinct_on(order_request.c.order_id))
    .order_by(order_request.c.order_id, order_request.c.requested, order_request.c.id)
)


def _undecided(session: Session, ids: Sequence[str]) -> dict[str, Request]:
    """The first request for each order that isn't decided."""
    r = order_request.c
    decided = exists().where(order_decision.c.order_id == r.order_id)
    rows = session.execute(_FIRST.where(r.order_id == any_of(ids), ~decided))
    return {row.order_id: _request(row) for row in rows}


def _request(row: Any) -> Request:
    lines = rules.asked([msgspec.convert(line, RequestedLine) for line in row.lines])
    return Request(row.order_id, row.member, lines, row.currency, row.rep, row.requested, row.content, row.history)


def _taken(session: Session, requests: Collection[Request]) -> dict[str, Decision]:
    """Of these requests those whose order is there already: placed by themselves before a restore, or another's."""
    by_order = {request.order: request for request in requests}
    of_them = sales_order.c.id == any_of(by_order)
    orders = session.execute(select(sales_order.c.id, sales_order.c.member, sales_order.c.channel).where(of_them)).all()
    lines: dict[str, list[tuple[str, int]]] = {row.id: [] for row in orders}
    of_lines = order_line.c.order_id == any_of(lines)
    for id, code, quantity in session.execute(
        select(order_line.c.order_id, order_line.c.product, order_line.c.quantity)
        .where(of_lines)
        .order_by(order_line.c.order_id, order_line.c.place)
    ):
        lines[id].append((code, quantity))

    def same(row: Any) -> bool:
        request = by_order[row.id]
        wanted = [(line.product, line.quantity) for line in request.lines]
        return (row.member, row.channel, lines[row.id]) == (request.member, "device", wanted)

    return {row.id: Decision("placed") if same(row) else Decision("refused", "order_exists") for row in orders}


def _ready(session: Session) -> bool:
    """Whether there is anything to sell, and anybody who looks after a territory."""
    return bool(session.scalar(select(exists().select_from(product) & exists().where(territory_rep.c.stands))))


def _circumstances(
    work: Work, requests: Sequence[Request], where: Mapping[str, str], currency: str
) -> dict[str, Circumstances]:
    """What the decision about each order depends on. The customers can't be erased before the commit."""
    members = {request.member for request in requests}
    hold_steady(work, members)
    erased = keys.erased(work.session, members)
    known = products.some(work.session, {line.product for request in requests for line in request.lines})
    tree = territories.tree(work.session)
    return {
        request.order: Circumstances(
            now=work.now,
            currency=currency,
            products=known,
            erased=request.member in erased,
            in_territory=tree.looks_after(request.rep, where[request.member]),
        )
        for request in requests
    }


def _carry_out(
    work: Work, decisions: Sequence[tuple[Request, Decision]], where: Mapping[str, str], currency: str
) -> None:
    """Place what is placed and say what is refused; what waits is said when it is decided."""
    placings = []
    for request, decision in decisions:
        at, fact = work.now, _fact(request, decision, where.get(request.member, ""), currency)
        if isinstance(fact, OrderPlaced):
            at = request.requested
            placings.append(Placing(request.member, fact, at, request.rep))
        if fact is not None:
            work.publish(stream(Member(request.member)), fact, at, history=request.history, key=request.order)
        if not request.history:
            live.touch(work, request.member, where.get(request.member, ""), request.rep)
    store.place(work, placings)


def _fact(request: Request, decision: Decision, territory: str, currency: str) -> OrderPlaced | OrderRefused | None:
    if decision.outcome == "placed":
        return OrderPlaced(
            order=request.order,
            lines=decision.lines,
            total=total(decision.lines),
            currency=currency,
            channel="device",
            rep=request.rep,
            territory=territory,
        )
    return OrderRefused(order=request.order, reason=decision.reason) if decision.outcome == "refused" else None


def _keep(work: Work, decisions: Sequence[tuple[Request, Decision]]) -> None:
    rows = [
        {
            "order_id": request.order,
            "content": request.content,
            "outcome": decision.outcome,
            "reason": decision.reason,
            "decided": work.now,
            "by": work.actor.id,
        }
        for request, decision in decisions
    ]
    if rows:
        work.session.execute(order_decision.insert(), rows)
