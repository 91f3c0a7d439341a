"""How far a subscription has come in each stream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.edge.db import text_array
from shared.pipeline.gate import Position

Place = tuple[str, str]
"""(source, stream)."""

_READ = text("""
SELECT p.source, p.stream, p.sequence, CAST(p.event_id AS text)
FROM unnest(CAST(:sources AS text[]), CAST(:streams AS text[])) AS w (source, stream)
JOIN position p ON p.stream = w.stream AND p.source = w.source AND p.subscription = :subscription
""")

_WRITE = text("""
INSERT INTO position AS p (stream, source, subscription, sequence, event_id)
SELECT stream, source, :subscription, sequence, event_id
FROM unnest(CAST(:streams AS text[]), CAST(:sources AS text[]), CAST(:sequences AS int[]), CAST(:ids AS uuid[]))
  AS r (stream, source, sequence, event_id)
ON CONFLICT (stream, source, subscription)
DO UPDATE SET sequence = excluded.sequence, event_id = excluded.event_id
""")


def read(session: Session, subscription: str, places: Iterable[Place]) -> dict[Place, Position]:
    """The positions of these places; one that was never heard of is left out."""
    wanted = sorted(set(places))
    values = {"sources": text_array(p[0] for p in wanted), "streams": text_array(p[1] for p in wanted)}
    rows = session.execute(_READ, {"subscription": subscription, **values}).all()
    return {(source, stream): Position(sequence, event_id) for source, stream, sequence, event_id in rows}


def write(session: Session, subscription: str, positions: Mapping[Place, Position]) -> None:
    """Move positions on."""
    if not positions:
        return
    # Sorted, so that they are locked in the same order by all.
    rows = sorted((stream, source, *position) for (source, stream), position in positions.items())
    values = {
        "streams": text_array(row[0] for row in rows),
        "sources": text_array(row[1] for row in rows),
        "sequences": text_array(str(row[2]) for row in rows),
        "ids": text_array(row[3] for row in rows),
    }
    session.execute(_WRITE, {"subscription": subscription, **values})
