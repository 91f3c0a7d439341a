"""Compares what sync keeps with itself: set-based, over all streams."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from services.sync.identity.rules import FIELDS
from services.sync.timeline.handlers import COLUMNS, envelope_of
from services.sync.verification.rules import Known, Place
from shared.events.envelope import Envelope
from shared.pipeline.heads import PREFIX
from shared.pipeline.tables import heard, parked_stream, skipped_event

_KNOWN = text("""
SELECT source, stream, coalesce(t.sequence, 0), coalesce(p.sequence, 0), coalesce(i.held, 0), coalesce(i.newest, 0)
FROM told_head t
FULL JOIN (SELECT source COLLATE "C" AS source, stream COLLATE "C" AS stream, sequence FROM position
           WHERE subscription = :subscription) p USING (source, stream)
FULL JOIN (SELECT source, stream, count(*) AS held, max(sequence) AS newest FROM interaction
           GROUP BY source, stream) i USING (source, stream)
WHERE NOT starts_with(stream, :reports)
""")
_HOLES = text("""
SELECT p.source, p.stream, s.sequence
FROM unnest(CAST(:sources AS text[]), CAST(:streams AS text[]), CAST(:lasts AS int[])) AS p (source, stream, last)
CROSS JOIN LATERAL generate_series(1, p.last) AS s (sequence)
WHERE NOT EXISTS (SELECT FROM interaction i
                  WHERE i.stream = p.stream AND i.source = p.source AND i.sequence = s.sequence)
""").bindparams(bindparam("sources"), bindparam("streams"), bindparam("lasts"))

# Streams of customers whose claims, record or erasure aren't what the timeline says that was told.
_UNKEPT = text("""
WITH told AS (
  SELECT i.type, i.stream, i.occurred, i.data, split_part(i.stream, '/', 2)::uuid AS member
  FROM interaction i JOIN position p ON p.stream = i.stream AND p.source = i.source
    AND p.subscription = :subscription AND p.sequence >= i.sequence
  WHERE i.type IN ('customer.registered', 'customer.edited', 'customer.erased')
)
SELECT DISTINCT stream FROM told t
WHERE NOT EXISTS (SELECT FROM erased_member e WHERE e.member = t.member)
  AND (t.type = 'customer.erased'
    OR NOT EXISTS (SELECT FROM customer_record r WHERE r.member = t.member AND r.registered <= t.occurred)
    OR EXISTS (SELECT FROM json_array_elements(convert_from(t.data, 'UTF8')::json -> 'claims') AS c
               WHERE NOT EXISTS (SELECT FROM claim k WHERE k.member = t.member
                                 AND k.field = c ->> 'field' AND k.id = c ->> 'id')))
UNION
SELECT i.stream FROM interaction i JOIN position p ON p.stream = i.stream AND p.source = i.source
  AND p.subscription = :subscription AND p.sequence >= i.sequence
WHERE i.type = 'custom_field.defined'
  AND NOT EXISTS (SELECT FROM custom_field f WHERE f.name = split_part(i.stream, '/', 2))
""")
# Streams of customers of whose claims one that others are matched by isn't kept for it.
_UNMATCHED = text("""
SELECT DISTINCT i.stream FROM interaction i
JOIN position p ON p.stream = i.stream AND p.source = i.source
  AND p.subscription = :subscription AND p.sequence >= i.sequence
CROSS JOIN LATERAL json_array_elements(convert_from(i.data, 'UTF8')::json -> 'claims') AS c
WHERE i.type IN ('customer.registered', 'customer.edited') AND c ->> 'field' = ANY (CAST(:fields AS text[]))
  AND NOT EXISTS (SELECT FROM erased_member e WHERE e.member = split_part(i.stream, '/', 2)::uuid)
  AND NOT EXISTS (SELECT FROM identifier k WHERE k.member = split_part(i.stream, '/', 2)::uuid
                  AND k.field = c ->> 'field' AND k.id = c ->> 'id')
""")
_TOLD_OF = text(f"""
SELECT {", ".join(f"i.{c}" for c in COLUMNS)} FROM interaction i
JOIN position p ON p.stream = i.stream AND p.source = i.source
  AND p.subscription = :subscription AND p.sequence >= i.sequence
WHERE i.stream = ANY (CAST(:streams AS text[])) AND i.type = ANY (CAST(:types AS text[]))
""")  # noqa: S608


def subscription_of(session: Session, slice_name: str) -> str | None:
    """Through which subscription a slice moves; none if no worker has ever run."""
    return session.scalar(select(heard.c.subscription).where(heard.c.slice == slice_name))


def known(session: Session, subscription: str) -> dict[Place, Known]:
    """How far each stream has come: of all that were told of, heard or kept. The publishers' reports themselves are
    neither told of nor kept."""
    rows = session.execute(_KNOWN, {"subscription": subscription, "reports": PREFIX})
    return {(source, stream): Known(*numbers) for source, stream, *numbers in rows}


def holes(session: Session, streams: Mapping[Place, Known]) -> dict[Place, list[int]]:
    """Which sequences the timeline lacks, in streams that aren't whole."""
    wanted = sorted(place for place, of in streams.items() if not of.is_whole)
    values = {
        "sources": [source for source, _ in wanted],
        "streams": [stream for _, stream in wanted],
        "lasts": [streams[place].last for place in wanted],
    }
    found: dict[Place, list[int]] = {}
    for source, stream, sequence in session.execute(_HOLES, values):
        found.setdefault((source, stream), []).append(sequence)
    return found


def parked(session: Session, subscription: str) -> set[Place]:
    """Streams that wait for a person."""
    c = parked_stream.c
    return {(s, n) for s, n in session.execute(select(c.source, c.stream).where(c.subscription == subscription))}


def left_out(session: Session, subscription: str) -> set[tuple[str, str, int]]:
    """(source, stream, sequence) that a person decided to leave out."""
    c = skipped_event.c
    rows = session.execute(select(c.source, c.stream, c.sequence).where(c.subscription == subscription))
    return {(source, stream, sequence) for source, stream, sequence in rows if sequence is not None}


def unkept(session: Session, customers: str, identity: str) -> list[str]:
    """Streams of which claims, a record, an erasure or a field's definition isn't kept, though it was heard by the
    subscriptions of customers and of identity."""
    found = set(session.scalars(_UNKEPT, {"subscription": customers}))
    return sorted(found.union(session.scalars(_UNMATCHED, {"subscription": identity, "fields": sorted(FIELDS)})))


def told_of(session: Session, subscription: str, streams: Iterable[str], types: Iterable[str]) -> list[Envelope]:
    """All events of these types in these streams that the subscription has passed, as the timeline has them."""
    values = {"subscription": subscription, "streams": list(streams), "types": sorted(types)}
    return [envelope_of(row) for row in session.execute(_TOLD_OF, values)]
