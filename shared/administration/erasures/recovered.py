"""Makes the record of an erasure again that was decided here after the backup to which this database was restored.

Its events are in the log and are handed in by ``recover``: they say who was forgotten, when, and who consented. Who had
proposed it is known only if that was before the backup.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import cast, or_, select, update

from shared.administration.erasures.rules import ERASED, PROPOSED
from shared.administration.erasures.tables import erasure
from shared.customer.member import member_of
from shared.events.customer import CustomerErased
from shared.events.envelope import Event, new_id
from shared.pipeline.work import Work

UNKNOWN = "?"
"""Instead of who proposed it."""


def decided(work: Work, events: Iterable[Event]) -> None:
    """Keep what the own ones among these events say was decided, unless it's known, as it nearly always is."""
    together: dict[tuple[datetime, str, str], list[str]] = defaultdict(list)
    for event in events:
        if event.source == work.source and isinstance(event.fact, CustomerErased):
            # The members of one erasure are published together.
            together[event.occurred, event.envelope.authid or UNKNOWN, event.fact.reason].append(
                member_of(event.stream)
            )
    for (at, by, reason), members in sorted(together.items()):
        _keep(work, sorted(set(members)), at, by, reason)


def _keep(work: Work, members: Sequence[str], at: datetime, by: str, reason: str) -> None:
    c = erasure.c
    among = c.members.op("&&")(cast(list(members), c.members.type))
    found = work.session.execute(
        select(c.id, c.state).where(among, or_(c.state == PROPOSED, c.state == ERASED)).order_by(c.state)
    ).all()
    if any(row.state == ERASED for row in found):
        return
    if found:
        id = found[0].id
        deciding = update(erasure).where(c.id == id).values(state=ERASED, decided_by=by, decided=at)
        work.session.execute(deciding)
    else:
        id = new_id()
        row = {"id": id, "customer": members[0], "members": list(members), "reason": reason, "state": ERASED}
        who = {"proposed_by": UNKNOWN, "proposed": at, "decided_by": by, "decided": at}
        work.session.execute(erasure.insert().values(**row, **who))
    work.changed(f"erasure/{id}", state=ERASED, members=list(members))
