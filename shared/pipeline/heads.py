"""Reports of heads: how far a service has come in its streams, said from time to time for others to compare."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared.events.envelope import Event
from shared.events.heads import HeadsReported, ServiceLeft
from shared.pipeline import chain
from shared.pipeline.subscriptions import Slice
from shared.pipeline.tables import heard_from
from shared.pipeline.work import Work

PREFIX = "service/"
MOST = 5_000
"""Streams in one report."""


@dataclass(frozen=True)
class Sign:
    """A service's last sign of life, and when it left, if it did."""

    at: datetime
    left: datetime | None


# Streams of which nothing was reported yet, or not the newest.
_UNREPORTED = text("""
SELECT h.stream, h.sequence FROM stream_head h LEFT JOIN head_reported r USING (stream)
WHERE r.sequence IS DISTINCT FROM h.sequence AND NOT starts_with(h.stream, 'service/') ORDER BY h.stream
""")
_MOVED = text("""
SELECT stream, sequence FROM stream_head WHERE stream = ANY (CAST(:streams AS text[])) ORDER BY stream
""").bindparams(bindparam("streams"))
_REPORTED = text("""
INSERT INTO head_reported (stream, sequence)
SELECT * FROM unnest(CAST(:streams AS text[]), CAST(:sequences AS int[])) AS r (stream, sequence) ORDER BY stream
ON CONFLICT (stream) DO UPDATE SET sequence = excluded.sequence
""").bindparams(bindparam("streams"), bindparam("sequences"))


# The audit log's head is noted among those of the streams, whose prefixes all end with "/".
_ANCHOR = text("""
INSERT INTO head_reported AS r (stream, sequence) VALUES ('audit', :pos)
ON CONFLICT (stream) DO UPDATE SET sequence = excluded.sequence WHERE r.sequence < excluded.sequence RETURNING true
""")


def report(work: Work, moved: Iterable[str] | None) -> int:
    """Publish the heads of the streams that moved; ``None``: find them, as after a start. Gives how many.

    Published even when none moved: a sign of life. The last one says how far the audit log has come, if it went on.
    """
    if moved is None:
        rows = work.session.execute(_UNREPORTED).all()
    else:
        streams = [stream for stream in moved if not stream.startswith(PREFIX)]
        rows = work.session.execute(_MOVED, {"streams": streams}).all()
    each = iter(rows)
    part = list(islice(each, MOST))
    while True:
        heads = dict(map(tuple, part))
        part = list(islice(each, MOST))
        end = chain.Head() if part else _audited(work)
        fact = HeadsReported(heads=heads, audited=end.pos, audit_hash=end.hash.hex())
        work.publish(PREFIX + work.source, fact)
        if heads:
            work.session.execute(_REPORTED, {"streams": list(heads), "sequences": list(heads.values())})
        if not part:
            return len(rows)


def _audited(work: Work) -> chain.Head:
    end = chain.head(work.session)
    # Never lower than before: a chain that was cut off isn't to be anchored.
    if end.pos and work.session.scalar(_ANCHOR, {"pos": end.pos}):
        return end
    return chain.Head()


def heard(work: Work, events: list[Event]) -> None:
    """Other services gave a sign of life, or the company gave them up."""
    newest: dict[str, Event] = {}
    for event in events:
        if event.source not in newest or event.occurred >= newest[event.source].occurred:
            newest[event.source] = event
    rows = [
        {"source": source, "at": e.occurred, "left": e.occurred if isinstance(e.fact, ServiceLeft) else None}
        for source, e in sorted(newest.items())
    ]
    new = upsert(heard_from)
    values = {"at": new.excluded.at, "left": new.excluded.left}
    work.session.execute(new.on_conflict_do_update(index_elements=["source"], set_=values), rows)


SLICE = Slice("life", {"heads.reported": heard, "service.left": heard}, derived=(heard_from,))
"""What a service hears to know how old its knowledge is."""


def last_signs(session: Session) -> dict[str, Sign]:
    """The last sign of life of each other service that was ever heard."""
    c = heard_from.c
    return {row.source: Sign(row.at, row.left) for row in session.execute(select(c.source, c.at, c.left))}


def leave(work: Work) -> None:
    """Say that the company gives this block up."""
    work.publish(PREFIX + work.source, ServiceLeft())
