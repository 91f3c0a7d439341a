"""What is shown of exports. Nothing here writes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.access.actions import Action
from shared.pipeline.customer_tables import any_of
from shared.pipeline.look import Look
from shared.pipeline.tables import export, export_member

MOST = 200


def listed(look: Look, limit: int = MOST) -> list[Any]:
    """The newest exports: all for who reads the audit log, else the actor's own. Raises ``Forbidden``."""
    query = select(export).order_by(export.c.at.desc(), export.c.id).limit(limit)
    if not look.may(Action.AUDIT_READ):
        look.need(Action.CUSTOMER_EXPORT)
        query = query.where(export.c.actor == look.actor.id)
    return list(look.session.execute(query))


def exports_of(session: Session, members: Collection[str]) -> Mapping[str, Collection[str]]:
    """Member -> ids of the files that it is in, of those that are in any."""
    m = export_member.c
    found: dict[str, set[str]] = {}
    for member, id in session.execute(select(m.member, m.export).where(m.member == any_of(members))):
        found.setdefault(member, set()).add(id)
    return found


def made(session: Session, exports: Collection[str]) -> dict[str, tuple[str, datetime]]:
    """Of these exports that this service keeps: by whom and when."""
    e = export.c
    rows = session.execute(select(e.id, e.actor, e.at).where(e.id == any_of(exports)))
    return {row.id: (row.actor, row.at) for row in rows}
