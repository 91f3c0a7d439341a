"""Agents say which queues they take contacts from, and whether they are there."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as upsert

from services.callcenter.contacts.tables import contact
from services.callcenter.desk.tables import agent_state, presence
from services.callcenter.outages.handlers import LIVE
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
    work.touch(topic("agent", work.actor.id), LIVE)
    return wanted


def say(work: Work, state: str, reason: str = "") -> None:
    """The actor says whether he is there: a state of ``rules.STATES``, a reason of a break. Raises ``Forbidden``."""
    work.need(Action.DESK_USE)
    s = agent_state.c
    me = work.actor.id
    before = work.session.execute(
        select(s.state, s.reason, s.since).where(s.agent == me).with_for_update()
    ).one_or_none()
    if before is not None and (before.state, before.reason) == (state, reason):
        return
    values = {"name": work.actor.name, "state": state, "reason": reason, "since": work.now, "heard": work.now}
    new = upsert(agent_state).values(agent=me, **values)
    work.session.execute(new.on_conflict_do_update(index_elements=["agent"], set_=values))
    former = {"state": before.state, "reason": before.reason} if before else {}
    work.changed(topic("agent", me), state=state, reason=reason, former=former)
    # What was offered to who isn't there any more is for everybody of its queue.
    c = contact.c
    queues = work.session.scalars(select(c.queue).where(c.state == "offered", c.offered_to == me).distinct())
    work.touch(topic("agent", me), LIVE, *(topic("queue", queue) for queue in queues))


def hear(work: Work, here: Mapping[str, str]) -> None:
    """These agents, by id, have a page open. Who never said anything is available."""
    new = upsert(agent_state)
    # Sorted, as two processes note the same agents.
    rows = [
        {"agent": id, "name": here[id], "state": "available", "since": work.now, "heard": work.now}
        for id in sorted(here)
    ]
    heard = {name: new.excluded[name] for name in ("name", "heard")}
    work.session.execute(new.on_conflict_do_update(index_elements=["agent"], set_=heard), rows)
    work.touch(LIVE)
