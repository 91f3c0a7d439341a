"""What a worker measures of its service every few seconds: what waits, and since when."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.edge import metrics
from shared.pipeline import heads

_WAITING = text("""
SELECT (SELECT count(*) FROM outbox) AS unsent,
       (SELECT event_id FROM outbox WHERE event_id IS NOT NULL ORDER BY id LIMIT 1) AS unsent_oldest,
       (SELECT count(*) FROM intent WHERE outcome IS NULL) AS owed,
       (SELECT event_id FROM intent WHERE outcome IS NULL ORDER BY event_id LIMIT 1) AS owed_oldest,
       (SELECT at FROM audit_entry WHERE n > (SELECT coalesce(max(n), 0) FROM audit_link) ORDER BY n LIMIT 1)
         AS unlinked
""")
_DUE = text("SELECT task, count(*) AS keys, min(at) AS oldest FROM due WHERE at <= :now GROUP BY task")
_PARKED = text("""
SELECT subscription, kind, count(*) AS streams, extract(epoch FROM now() - min(since))::float AS oldest
FROM parked_stream GROUP BY subscription, kind
""")


def take(session: Session, now: datetime, tasks: Iterable[str]) -> None:
    """Measure, and show it. ``tasks``: those of which it is to be shown that nothing is due, too."""
    row = session.execute(_WAITING).one()
    metrics.OUTBOX_UNSENT.set(row.unsent)
    metrics.OUTBOX_OLDEST.set(_age_of_event(row.unsent_oldest))
    metrics.INTENTS_OWED.set(row.owed)
    metrics.INTENTS_OLDEST.set(_age_of_event(row.owed_oldest))
    metrics.AUDIT_OLDEST.set(_age(now, row.unlinked))
    due = {row.task: row for row in session.execute(_DUE, {"now": now})}
    for task in tasks:
        of_it = due.get(task)
        metrics.DUE.labels(task).set(of_it.keys if of_it else 0)
        metrics.DUE_OLDEST.labels(task).set(_age(now, of_it.oldest if of_it else None))
    _parked(session.execute(_PARKED).all())
    for source, sign in heads.last_signs(session).items():
        metrics.HEARD.labels(source).set(sign.at.timestamp())


def _parked(rows: Iterable[Any]) -> None:
    # What isn't parked any more is shown no longer.
    metrics.PARKED.clear()
    oldest: dict[str, float] = {}
    for row in rows:
        metrics.PARKED.labels(row.subscription, row.kind).set(row.streams)
        oldest[row.subscription] = max(row.oldest, oldest.get(row.subscription, 0.0))
    metrics.PARKED_OLDEST.clear()
    for subscription, seconds in oldest.items():
        metrics.PARKED_OLDEST.labels(subscription).set(seconds)


def _age(now: datetime, then: datetime | None) -> float:
    return max(0.0, (now - then).total_seconds()) if then else 0.0


def _age_of_event(id: uuid.UUID | str | None) -> float:
    """How long ago an event was made, which its id says (a UUIDv7); 0 for none."""
    if id is None:
        return 0.0
    milliseconds = uuid.UUID(str(id)).int >> 80
    return max(0.0, time.time() - milliseconds / 1000)
