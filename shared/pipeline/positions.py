"""How far a subscription has come in each stream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy.orm import Session

from shared.edge.db import text_array
from shared.edge.statements import run
from shared.pipeline import offsets
from shared.pipeline.gate import Position
from shared.pipeline.offsets import Partition

Place = tuple[str, str]
"""(source, stream)."""

_READ = """
SELECT p.source, p.stream, p.sequence, CAST(p.event_id AS text)
FROM unnest(CAST(%(sources)s AS text[]), CAST(%(streams)s AS text[])) AS w (source, stream)
JOIN position p ON p.stream = w.stream AND p.source = w.source AND p.subscription = %(subscription)s
"""

# One statement sees the database as it was when it began. Where no stream was parked then, nobody but the holder of
# the offsets could move a position on, and had he done so since, the offsets wouldn't be where they are expected.
_ENTER = f"""
WITH moved AS ({offsets.MOVE})
SELECT '', '', CAST((SELECT count(*) FROM moved) AS int),
  CASE WHEN EXISTS (SELECT FROM parked_stream s WHERE s.subscription = %(subscription)s) THEN 'parked' ELSE '' END
UNION ALL ({_READ})
"""  # noqa: S608

_WRITE = """
INSERT INTO position AS p (stream, source, subscription, sequence, event_id)
SELECT stream, source, %(subscription)s, sequence, event_id
FROM unnest(CAST(%(streams)s AS text[]), CAST(%(sources)s AS text[]), CAST(%(sequences)s AS int[]),
            CAST(%(ids)s AS uuid[])) AS r (stream, source, sequence, event_id)
ON CONFLICT (stream, source, subscription)
DO UPDATE SET sequence = excluded.sequence, event_id = excluded.event_id
"""


def enter(
    session: Session,
    subscription: str,
    expected: Mapping[Partition, int],
    new: Mapping[Partition, int],
    places: Iterable[Place],
) -> tuple[bool, dict[Place, Position]]:
    """Move offsets on as ``offsets.advance`` does, and read positions as ``read`` does: also gives whether any stream
    of the subscription is parked, as the positions may still move until these are locked. Raises ``Fenced``."""
    values = offsets.moving(subscription, expected, new) | _parameters(places)
    rows = run(session, _ENTER, values)
    (first,) = (row for row in rows if not row[0])
    offsets.check(first[2], new)
    return bool(first[3]), {(row[0], row[1]): Position(row[2], row[3]) for row in rows if row[0]}


def read(session: Session, subscription: str, places: Iterable[Place]) -> dict[Place, Position]:
    """The positions of these places; one that was never heard of is left out."""
    rows = run(session, _READ, {"subscription": subscription, **_parameters(places)})
    return {(source, stream): Position(sequence, event_id) for source, stream, sequence, event_id in rows}


def _parameters(places: Iterable[Place]) -> dict[str, str]:
    wanted = sorted(set(places))
    return {"sources": text_array(p[0] for p in wanted), "streams": text_array(p[1] for p in wanted)}


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
    run(session, _WRITE, {"subscription": subscription, **values})
