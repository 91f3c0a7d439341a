"""Keeps what publishers report of their streams, and puts back what is missing here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import bindparam, text

from services.sync.timeline.handlers import COLUMNS, row_of
from services.sync.verification.rules import Place
from shared.customer.member import member_of
from shared.events.envelope import Envelope, Event, Malformed
from shared.events.heads import HeadsReported
from shared.pipeline import claims, keys
from shared.pipeline.attempt import attempt
from shared.pipeline.sealing import KeyEncryptionKeys, KeyMissing, WrongKey
from shared.pipeline.subscriptions import Slice
from shared.pipeline.work import Work

_TOLD = text("""
INSERT INTO told_head AS t (source, stream, sequence)
SELECT * FROM unnest(CAST(:sources AS text[]), CAST(:streams AS text[]), CAST(:sequences AS int[]))
  AS n (source, stream, sequence) ORDER BY source, stream
ON CONFLICT (source, stream) DO UPDATE SET sequence = excluded.sequence WHERE t.sequence < excluded.sequence
""").bindparams(bindparam("sources"), bindparam("streams"), bindparam("sequences"))


def heard_heads(work: Work, events: list[Event]) -> None:
    """Publishers said how far they have come."""
    told: dict[Place, int] = {}
    for event in events:
        assert isinstance(event.fact, HeadsReported)
        for stream, sequence in event.fact.heads.items():
            told[event.source, stream] = max(told.get((event.source, stream), 0), sequence)
    if told:
        places = sorted(told)
        work.session.execute(
            _TOLD,
            {
                "sources": [source for source, _ in places],
                "streams": [stream for _, stream in places],
                "sequences": [told[place] for place in places],
            },
        )


# The positions are locked: after a rebuild that comes in between, the log itself brings these events.
_PUT_BACK = text(f"""
INSERT INTO interaction ({", ".join(COLUMNS)})
SELECT n.* FROM unnest(CAST(:stream AS text[]), CAST(:source AS text[]), CAST(:sequence AS int[]),
    CAST(:occurred AS timestamptz[]), CAST(:recorded AS timestamptz[]), CAST(:event_id AS uuid[]),
    CAST(:type AS text[]), CAST(:author AS text[]), CAST(:dataschema AS text[]), CAST(:data AS bytea[]))
  AS n ({", ".join(COLUMNS)})
JOIN (SELECT source, stream, sequence FROM position
      WHERE subscription = :subscription AND stream = ANY (CAST(:stream AS text[])) ORDER BY stream, source FOR SHARE
     ) p ON p.source = n.source AND p.stream = n.stream AND p.sequence >= n.sequence
ON CONFLICT DO NOTHING RETURNING 1
""")  # noqa: S608


def put_back(work: Work, subscription: str, envelopes: Sequence[Envelope]) -> int:
    """Add events to the timeline that it passed by and doesn't have; gives how many it hadn't."""
    if not envelopes:
        return 0
    columns = zip(*map(row_of, envelopes), strict=True)
    values = dict(zip(COLUMNS, map(list, columns), strict=True))
    return len(work.session.execute(_PUT_BACK, {"subscription": subscription, **values}).all())


def hand_again(work: Work, slices: Sequence[Slice], envelopes: Iterable[Envelope], keks: KeyEncryptionKeys) -> int:
    """Hand events to slices that keep sets of what they hear, and fold their members anew; gives how many went."""
    wanted = sorted((e for e in envelopes), key=lambda e: (e.source, e.subject, e.sequence))
    pairs = {(e.source, member_of(e.subject)) for e in wanted if e.subject.startswith("customer/")}
    found = keys.find(work.session, pairs, keks)
    events = [event for event in (_opened(e, found) for e in wanted) if event is not None]
    bad = attempt(work, slices, events)
    claims.fold_anew(work, {member_of(e.stream) for e in events if e.stream.startswith("customer/")})
    return sum(1 for e in events if (e.source, e.stream) not in bad)


def _opened(envelope: Envelope, found: keys.Found) -> Event | None:
    try:
        return Event(envelope, keys.open_fact(envelope, found), live=False)
    except (KeyMissing, WrongKey, Malformed):
        return None
