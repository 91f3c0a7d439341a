"""Writes collected facts as the last thing before the commit: sealed, sequenced, in the outbox."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared.customer.member import member_of
from shared.edge.db import as_json
from shared.edge.statements import run
from shared.events import envelope
from shared.events.facts import change_personal, to_data
from shared.pipeline import audit, due, keys
from shared.pipeline.sealing import KeyEncryptionKeys, MemberKey, seal
from shared.pipeline.tables import intent, outbox
from shared.pipeline.work import Published, Work

# The head first, then the row whose id it precedes: so the ids of a stream rise with its sequences.
_WRITE = """
WITH head AS (
  INSERT INTO stream_head AS h (stream, sequence) VALUES (%(stream)s, 1)
  ON CONFLICT (stream) DO UPDATE SET sequence = h.sequence + 1
  RETURNING h.sequence
)
{noted}
INSERT INTO outbox (stream, sequence, event_id, body)
SELECT %(stream)s, sequence, CAST(%(event_id)s AS uuid), CAST(%(body)s AS bytea) FROM head
"""

# The same for several, sorted, so that two batches can't deadlock. As one text: bytes in an array would cost several
# times what making the events does.
_WRITE_MANY = """
WITH collected AS MATERIALIZED (
  SELECT * FROM ROWS FROM (
    json_to_recordset(CAST(%(rows)s AS json)) AS (stream text, event_id uuid, back int, body text)
  ) WITH ORDINALITY AS c (stream, event_id, back, body, place)
), heads AS (
  INSERT INTO stream_head AS h (stream, sequence)
  SELECT stream, count(*) FROM collected GROUP BY stream ORDER BY stream
  ON CONFLICT (stream) DO UPDATE SET sequence = h.sequence + excluded.sequence
  RETURNING h.stream, h.sequence
)
{noted}
INSERT INTO outbox (stream, sequence, event_id, body)
SELECT c.stream, h.sequence - c.back, c.event_id, convert_to(c.body, 'UTF8')
FROM collected c JOIN heads h USING (stream) ORDER BY c.place
"""

# What is noted in the audit log goes the same way.
_NOTED = f", noted AS ({audit.INSERT})"


def _both(statement: str) -> dict[bool, str]:
    return {noted: statement.format(noted=_NOTED if noted else "") for noted in (False, True)}


_ONE, _MANY = _both(_WRITE), _both(_WRITE_MANY)


def write(work: Work, keks: KeyEncryptionKeys) -> None:
    """Put the collected facts, keys, tombstones and intents of a work into the database, and a note in the audit log.

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
    note = audit.of_work(work)
    if work.facts:
        _write_facts(work, own, note)
    elif note:
        run(work.session, audit.INSERT, note)


def _write_facts(work: Work, own: dict[str, MemberKey], note: dict[str, Any] | None) -> None:
    noted = note is not None
    if len(work.facts) == 1:
        (one,) = work.facts
        row = {"stream": one.stream, "event_id": one.id, "body": _body(one, work, own)}
        run(work.session, _ONE[noted], row | (note or {}))
        return
    later = Counter(p.stream for p in work.facts)
    rows = []
    for published in work.facts:
        later[published.stream] -= 1
        of = {"stream": published.stream, "event_id": published.id, "back": later[published.stream]}
        rows.append({**of, "body": _body(published, work, own).decode()})
    run(work.session, _MANY[noted], {"rows": as_json(rows)} | (note or {}))


def _body(published: Published, work: Work, own: dict[str, MemberKey]) -> bytes:
    data: Any = published.fact
    if published.fact_type.personal:
        data = to_data(published.fact)
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
        traceparent=published.traceparent,
        cause=published.cause,
        history=published.history,
    )


def unsent(session: Session) -> int:
    """How many rows wait for the relay."""
    return int(session.execute(text("SELECT count(*) FROM outbox")).scalar_one())
