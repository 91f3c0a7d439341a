"""How far a subscription has come in each stream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from shared.edge.db import copy_rows
from shared.pipeline.gate import Position

Place = tuple[str, str]
"""(source, stream)."""

MANY = 500
"""From so many rows on, COPY is faster than parameters."""

_READ = text("""
SELECT p.source, p.stream, p.sequence, p.event_id
FROM unnest(CAST(:sources AS text[]), CAST(:streams AS text[])) AS w (source, stream)
JOIN position p ON p.stream = w.stream AND p.source = w.source AND p.subscription = :subscription
""").bindparams(bindparam("sources"), bindparam("streams"), bindparam("subscription"))

_KEEP = """
INSERT INTO position AS p (stream, source, subscription, sequence, event_id)
SELECT stream, source, :subscription, sequence, event_id FROM {rows} ORDER BY stream, source
ON CONFLICT (stream, source, subscription)
DO UPDATE SET sequence = excluded.sequence, event_id = excluded.event_id
"""
_WRITE_FEW = text(
    _KEEP.format(
        rows="unnest(CAST(:streams AS text[]), CAST(:sources AS text[]), CAST(:sequences AS int[]), "
        "CAST(:ids AS uuid[])) AS r (stream, source, sequence, event_id)"
    )
)
_WRITE_MANY = text(_KEEP.format(rows="position_new"))


def read(session: Session, subscription: str, places: Iterable[Place]) -> dict[Place, Position]:
    """The positions of these places; one that was never heard of is left out."""
    wanted = sorted(set(places))
    rows = session.execute(
        _READ,
        {"subscription": subscription, "sources": [p[0] for p in wanted], "streams": [p[1] for p in wanted]},
    )
    return {(source, stream): Position(sequence, str(event_id)) for source, stream, sequence, event_id in rows}


def write(session: Session, subscription: str, positions: Mapping[Place, Position]) -> None:
    """Move positions on."""
    rows = sorted((stream, source, p.sequence, p.event_id) for (source, stream), p in positions.items())
    if not rows:
        return
    if len(rows) < MANY:
        streams, sources, sequences, ids = (list(column) for column in zip(*rows, strict=True))
        values = {"streams": streams, "sources": sources, "sequences": sequences, "ids": ids}
        session.execute(_WRITE_FEW, {"subscription": subscription, **values})
        return
    session.execute(
        text(
            "CREATE TEMP TABLE IF NOT EXISTS position_new "
            "(stream text, source text, sequence int, event_id uuid) ON COMMIT DELETE ROWS"
        )
    )
    copy_rows(session, "position_new", ("stream", "source", "sequence", "event_id"), rows)
    session.execute(_WRITE_MANY, {"subscription": subscription})
    session.execute(text("TRUNCATE position_new"))
