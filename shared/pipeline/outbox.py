"""Writes collected facts as the last thing before the commit: sealed, sequenced, in the outbox."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared.customer.member import member_of
from shared.events import envelope
from shared.events.facts import change_personal, to_data
from shared.pipeline import due, keys
from shared.pipeline.sealing import KeyEncryptionKeys, MemberKey, seal
from shared.pipeline.tables import intent, outbox
from shared.pipeline.work import Published, Work

# One statement: heads first (sorted, so that two batches can't deadlock), then the rows whose ids they precede.
_WRITE = text("""
WITH collected AS MATERIALIZED (
  SELECT * FROM unnest(CAST(:streams AS text[]), CAST(:ids AS uuid[]), CAST(:back AS int[]), CAST(:bodies AS bytea[]))
           WITH ORDINALITY AS c (stream, event_id, back, body, place)
), heads AS (
  INSERT INTO stream_head AS h (stream, sequence)
  SELECT stream, count(*) FROM collected GROUP BY stream ORDER BY stream
  ON CONFLICT (stream) DO UPDATE SET sequence = h.sequence + excluded.sequence
  RETURNING h.stream, h.sequence
)
INSERT INTO outbox (stream, sequence, event_id, body)
SELECT c.stream, h.sequence - c.back, c.event_id, c.body
FROM collected c JOIN heads h USING (stream) ORDER BY c.place
""").bindparams(bindparam("streams"), bindparam("ids"), bindparam("back"), bindparam("bodies"))


def write(work: Work, keks: KeyEncryptionKeys) -> None:
    """Put the collected facts, keys, tombstones and intents of a work into the database.

    Raises ``ValueError`` for an event that is too large; then nothing of the work may be committed.
    """
    due.write(work)
    if work.intents:
        work.session.execute(upsert(intent).on_conflict_do_nothing(), work.intents)
    # A member's key is made when there is something to seal: derived facts alone need none.
    members = {member_of(p.stream) for p in work.facts if p.fact_type.personal}
    own = keys.own_keys(work, members, keks) if members else {}
    if work.key_records:
        rows = [{"stream": stream, "body": record} for stream, record in work.key_records]
        work.session.execute(outbox.insert(), rows)
    if work.facts:
        _write_facts(work, own)


def _write_facts(work: Work, own: dict[str, MemberKey]) -> None:
    later = Counter(p.stream for p in work.facts)
    back = []
    for published in work.facts:
        later[published.stream] -= 1
        back.append(later[published.stream])
    work.session.execute(
        _WRITE,
        {
            "streams": [p.stream for p in work.facts],
            "ids": [p.id for p in work.facts],
            "back": back,
            "bodies": [_body(p, work, own) for p in work.facts],
        },
    )


def _body(published: Published, work: Work, own: dict[str, MemberKey]) -> bytes:
    data = to_data(published.fact)
    if published.fact_type.personal:
        key = own.get(member_of(published.stream))
        change_personal(data, published.fact_type.personal, lambda clear: seal(clear, key, event_id=published.id))
    return envelope.body(
        published.fact_type,
        data,
        id=published.id,
        source=work.source,
        stream=published.stream,
        occurred=published.occurred,
        recorded=work.now,
        author=work.actor.id,
        cause=published.cause,
        history=published.history,
    )


def unsent(session: Session) -> int:
    """How many rows wait for the relay."""
    return int(session.execute(text("SELECT count(*) FROM outbox")).scalar_one())
