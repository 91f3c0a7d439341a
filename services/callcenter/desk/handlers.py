"""Agents say which queues they take contacts from."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from services.callcenter.desk.tables import presence
from shared.access.actions import Action
from shared.edge.live import topic
from shared.pipeline import vocabulary
from shared.pipeline.work import Work


def take_from(work: Work, queues: Collection[str]) -> list[str]:
    """The actor takes contacts from these queues and no others. Raises ``Forbidden``, ``Invalid``."""
    work.need(Action.DESK_USE)
    wanted = sorted(set(queues))
    of_actor = delete(presence).where(presence.c.agent == work.actor.id)
    former = sorted(work.session.scalars(of_actor.returning(presence.c.queue)))
    # Who is at a queue that was retired may stay till the last in it is answered.
    vocabulary.need(work, "queue", set(wanted) - set(former))
    if wanted:
        rows = [{"agent": work.actor.id, "queue": queue, "since": work.now} for queue in wanted]
        work.session.execute(presence.insert(), rows)
    if wanted != former:
        work.changed(topic("agent", work.actor.id), queues=wanted, former={"queues": former})
    work.touch(topic("agent", work.actor.id))
    return wanted


def queues_of(session: Session, agent: str) -> list[str]:
    """The queues that an agent takes contacts from."""
    query = select(presence.c.queue).where(presence.c.agent == agent).order_by(presence.c.queue)
    return list(session.scalars(query))
