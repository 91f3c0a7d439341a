"""What is shown of contacts. Nothing here writes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from services.callcenter.contacts.tables import choice, contact
from shared.edge.errors import NotFound
from shared.pipeline.customer_tables import any_of

WAITING_HOURS = 1
"""An offer that was neither answered nor abandoned is shown this long; then its end was lost."""


@dataclass(frozen=True)
class Choice:
    """Something to choose at a contact's review."""

    code: str
    en: str
    es: str

    def label(self, language: str) -> str:
        return self.es if language == "es" else self.en


def one(session: Session, id: str) -> Any:
    """The row of a contact. Raises ``NotFound``."""
    row = session.execute(select(contact).where(contact.c.id == id)).one_or_none()
    if row is None:
        raise NotFound("there is no such contact")
    return row


def of_members(session: Session, members: Iterable[str], limit: int = 10) -> list[Any]:
    """The newest contacts of a customer, who may have several members."""
    query = select(contact).where(contact.c.member == any_of(members)).order_by(contact.c.offered.desc(), contact.c.id)
    return list(session.execute(query.limit(limit)))


def offers(session: Session, agent: str, queues: Collection[str], now: datetime, limit: int = 10) -> list[Any]:
    """What waits for the agent, or for anybody of these queues; who waits longest first."""
    c = contact.c
    for_anybody = and_(c.offered_to.is_(None), c.queue.in_(queues))
    query = select(contact).where(
        c.state == "offered",
        c.offered > now - timedelta(hours=WAITING_HOURS),
        or_(c.offered_to == agent, for_anybody),
    )
    return list(session.execute(query.order_by(c.offered).limit(limit)))


def current(session: Session, agent: str) -> Any | None:
    """The contact that the agent talks to or has yet to review; the newest of several."""
    c = contact.c
    query = select(contact).where(c.agent == agent, c.state.in_(["answered", "ended"]))
    return session.execute(query.order_by(c.answered.desc()).limit(1)).one_or_none()


def choices(session: Session, kind: str) -> list[Choice]:
    """What can be chosen, in its order."""
    c = choice.c
    rows = session.execute(select(c.code, c.label_en, c.label_es).where(c.kind == kind).order_by(c.place, c.code))
    return [Choice(*row) for row in rows]
