"""Outages are proposed because of bursts, and confirmed or dismissed by supervisors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from services.callcenter.outages import rules
from services.callcenter.outages.rules import Burst, Outage
from services.callcenter.outages.tables import outage, outage_case
from shared.access.actions import Action
from shared.edge.errors import Conflict, NotFound
from shared.events.callcenter import OutageConfirmed, OutageProposed
from shared.events.facts import Fact
from shared.pipeline.work import Work
from shared.texts import N_

LIVE = "supervisor/all"
"""The live topic of the supervisors' page."""


def propose(work: Work, bursts: Sequence[Burst]) -> list[str]:
    """Propose outages; a burst of one that is known adds its cases to it. Gives the outages, by burst."""
    # Two processes that hear of one burst: the second finds the outage of the first.
    for key in sorted({f"outage/{burst.product}/{burst.place}" for burst in bursts}):
        work.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))
    return [_propose(work, burst) for burst in bursts]


def _propose(work: Work, burst: Burst) -> str:
    found = rules.belongs_to(burst, _known(work, burst.product, burst.place), work.now)
    if found is None:
        found = rules.id_of(burst)
        values = {"id": found, "product": burst.product, "place": burst.place, "state": "proposed"}
        work.session.execute(outage.insert().values(**values, since=burst.since, proposed=work.now))
        fact = OutageProposed(
            outage=found, product=burst.product, place=burst.place, since=burst.since, cases=burst.cases
        )
        work.publish(f"outage/{found}", fact)
    rows = [{"outage": found, "case": case} for case in burst.cases]
    work.session.execute(upsert(outage_case).on_conflict_do_nothing(), rows)
    work.touch(LIVE)
    return found


def confirm(work: Work, id: str) -> None:
    """A supervisor says that it is an outage. Raises ``Forbidden``, ``NotFound``, ``Conflict``."""
    work.need(Action.OUTAGE_DECIDE)
    found = _locked(work, id)
    try:
        _decide(work, found, rules.confirm(found), "confirmed")
    except rules.NotPossible as error:
        raise Conflict(error) from None


def dismiss(work: Work, id: str, reason: str) -> None:
    """A supervisor says that it is none, or that it is over. Raises as ``confirm``."""
    work.need(Action.OUTAGE_DECIDE)
    found = _locked(work, id)
    try:
        _decide(work, found, rules.dismiss(found, reason), "dismissed", reason)
    except rules.NotPossible as error:
        raise Conflict(error) from None


def undo(work: Work, id: str) -> str:
    """A supervisor takes back what was decided last; gives the state that it is in again. Raises as ``confirm``."""
    work.need(Action.OUTAGE_DECIDE)
    found = _locked(work, id)
    try:
        state = rules.undo(found, work.now)
    except rules.NotPossible as error:
        raise Conflict(error) from None
    _decide(work, found, OutageConfirmed(outage=id) if state == "confirmed" else _again(work, id), state)
    return state


def _again(work: Work, id: str) -> OutageProposed:
    o = outage.c
    row = work.session.execute(select(o.product, o.place, o.since).where(o.id == id)).one()
    cases = work.session.scalars(select(outage_case.c.case).where(outage_case.c.outage == id).order_by("case"))
    return OutageProposed(outage=id, product=row.product, place=row.place, since=row.since, cases=tuple(cases))


def _decide(work: Work, found: Outage, fact: Fact, state: str, reason: str | None = None) -> None:
    values = {"state": state, "decided": work.now, "decided_by": work.actor.id, "reason": reason}
    work.session.execute(update(outage).where(outage.c.id == found.id).values(**values))
    work.publish(f"outage/{found.id}", fact, former={"state": found.state})
    work.touch(LIVE)


def _locked(work: Work, id: str) -> Outage:
    o = outage.c
    query = select(o.id, o.state, o.proposed, o.decided, o.reason).where(o.id == id)
    for row in work.session.execute(query.with_for_update()):
        return Outage(*row[:4], reason=row.reason)
    raise NotFound(N_("there is no such outage"))


def _known(work: Work, product: str, place: str) -> list[Outage]:
    o = outage.c
    cases = func.array_agg(outage_case.c.case)
    query = select(o.id, o.state, o.proposed, o.decided, cases).join(outage_case, outage_case.c.outage == o.id)
    of_it = query.where(o.product == product, o.place == place).group_by(o.id)
    rows: Sequence[tuple[str, str, datetime, datetime | None, list[str]]] = [
        (row[0], row[1], row[2], row[3], row[4]) for row in work.session.execute(of_it)
    ]
    return [Outage(id, state, proposed, decided, frozenset(of)) for id, state, proposed, decided, of in rows]
