"""Writes the timeline, and reads it with the texts opened."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Row, text

from services.sync.identity.tables import decisions_of
from services.sync.timeline.rules import (
    NAMING,
    Entry,
    Page,
    Place,
    Wanted,
    about,
    blank_erased,
    cursor,
    mask,
    mask_others,
)
from services.sync.timeline.titles import Translate, title
from shared.access.actions import Action, Reach
from shared.access.grants import Fields
from shared.customer.member import Member, member_of, stream
from shared.edge.db import copy_packed, packed, text_array
from shared.edge.statements import run
from shared.events.envelope import Envelope, Event, Malformed, known_type
from shared.events.facts import FactType
from shared.pipeline import clusters, heads, keys
from shared.pipeline.look import Look
from shared.pipeline.sealing import KeyEncryptionKeys, KeyMissing, WrongKey
from shared.pipeline.work import Work

MOST_TOPICS = 48
"""Open pages of at most so many customers are told of one batch; more is no work that people watch."""

FEW = 40
"""So many rows are written sooner by a statement, which is prepared and takes one way to the database, not two."""

COLUMNS = (
    "stream",
    "source",
    "sequence",
    "occurred",
    "recorded",
    "event_id",
    "type",
    "author",
    "dataschema",
    "data",
)


def record(work: Work, events: list[Event]) -> None:
    """Add events to the timelines of their streams. Each comes once, as the positions say which were here.

    What services say of themselves from time to time happened to nobody and would soon be most of the table.
    """
    envelopes = [event.envelope for event in events if not event.envelope.subject.startswith(heads.PREFIX)]
    if 0 < len(envelopes) <= FEW:
        run(work.session, _INSERT, _columns(envelopes))
    elif envelopes:
        copy_packed(work.session, "interaction", COLUMNS, map(_packed, envelopes))
    topics = {event.stream for event in events if event.live and event.stream.startswith("customer/")}
    if len(topics) <= MOST_TOPICS:
        work.touch(*topics)


def row_of(e: Envelope) -> tuple[Any, ...]:
    """An event as the table has it, in the order of ``COLUMNS``."""
    return (
        e.subject,
        e.source,
        e.sequence,
        e.time,
        e.recordedtime,
        e.id,
        e.type,
        e.authid,
        e.dataschema,
        bytes(e.data),
    )


_INSERT = f"""
INSERT INTO interaction ({", ".join(COLUMNS)})
SELECT stream, source, sequence, occurred, recorded, event_id, type, author, dataschema, decode(data, 'hex')
FROM unnest(CAST(%(stream)s AS text[]), CAST(%(source)s AS text[]), CAST(%(sequence)s AS int[]),
    CAST(%(occurred)s AS timestamptz[]), CAST(%(recorded)s AS timestamptz[]), CAST(%(event_id)s AS uuid[]),
    CAST(%(type)s AS text[]), CAST(%(author)s AS text[]), CAST(%(dataschema)s AS text[]), CAST(%(data)s AS text[]))
  AS n ({", ".join(COLUMNS)})
"""  # noqa: S608


def _columns(envelopes: Sequence[Envelope]) -> dict[str, str]:
    return {
        "stream": text_array(e.subject for e in envelopes),
        "source": text_array(e.source for e in envelopes),
        "sequence": text_array(str(e.sequence) for e in envelopes),
        "occurred": text_array(e.time.isoformat() for e in envelopes),
        "recorded": text_array(e.recordedtime.isoformat() for e in envelopes),
        "event_id": text_array(e.id for e in envelopes),
        "type": text_array(e.type for e in envelopes),
        "author": text_array(e.authid for e in envelopes),
        "dataschema": text_array(e.dataschema for e in envelopes),
        "data": text_array(bytes(e.data).hex() for e in envelopes),
    }


def _packed(e: Envelope) -> bytes:
    """The same in PostgreSQL's binary form (see copy_packed), in one go: this is done for every event there is."""
    stream, data = e.subject.encode(), memoryview(e.data)
    return b"".join(
        (
            b"\0\x0a",
            _LENGTH(len(stream)),
            stream,
            _text(e.source),
            _FIXED(4, e.sequence, 8, _microseconds(e.time), 8, _microseconds(e.recordedtime), 16),
            bytes.fromhex(e.id.replace("-", "")),
            _text(e.type),
            _text(e.authid),
            _text(e.dataschema),
            _LENGTH(len(data)),
            data,
        )
    )


_LENGTH = struct.Struct("!i").pack
_FIXED = struct.Struct("!iiiqiqi").pack
"""Length and value of sequence, occurred and recorded, and the length of the id."""


@lru_cache(maxsize=1_000)
def _text(value: str) -> bytes:
    return packed(value.encode())


def _microseconds(instant: datetime) -> int:
    """As PostgreSQL counts them."""
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


# Of each stream no more is read than may be shown, from its end of the index; what is shown is chosen from that.
_READ = """
SELECT {columns} FROM unnest(CAST(:streams AS text[])) AS m (of)
CROSS JOIN LATERAL (
    SELECT * FROM interaction
    WHERE stream = m.of {more}
    ORDER BY occurred DESC, source DESC, sequence DESC LIMIT :limit
) i
ORDER BY occurred DESC, source DESC, sequence DESC, stream DESC LIMIT :limit
"""
_BEFORE = """AND (occurred, source, sequence) <= (:occurred, :source, :sequence)
    AND (occurred, source, sequence, stream) < (:occurred, :source, :sequence, :stream)"""
_CONDITIONS = {
    "group": "AND starts_with(type, :group)",
    "source": "AND source = :wanted_source",
    "since": "AND occurred >= :since",
    "until": "AND occurred < :until",
    # As every publisher writes it; what stands in a text is sealed, or has its quotation marks escaped.
    "channel": "AND position(convert_to(:channel, 'UTF8') IN data) > 0",
}
"""What is wanted -> how it is asked for."""
# Bytes and not JSON: one row that can't be read must not make all of them unreadable.
_HIDDEN = """AND NOT (type = ANY (CAST(:naming AS text[]))
    AND EXISTS (SELECT FROM unnest(CAST(:hidden AS text[])) h WHERE position(convert_to(h, 'UTF8') IN data) > 0))"""


EVERYTHING = Wanted()


@dataclass(frozen=True)
class Reader:
    """Reads timelines: with the keys to open texts, the services' addresses for links."""

    keks: KeyEncryptionKeys
    urls: Mapping[str, str]

    def page(
        self,
        look: Look,
        member: Member,
        translate: Translate,
        *,
        before: Place | None = None,
        wanted: Wanted = EVERYTHING,
        limit: int = 50,
    ) -> Page:
        """Entries older than ``before`` of all members within reach that are the same customer. Raises
        ``Forbidden``."""
        session = look.session
        seen = _seen(look, member)
        look.saw_customers(seen.fields)
        values = _parameters(seen.fields, before, wanted, limit + 1, seen.hidden)
        rows = session.execute(_query(before, wanted, hides=bool(seen.hidden)), values).all()
        more, rows = len(rows) > limit, rows[:limit]
        found = keys.find(session, {(row.source, member_of(row.stream)) for row in rows}, self.keks)
        own = [key for (_, of), key in found.items() if of == member]
        erased = None in own if own else bool(keys.erased(session, [member]))
        last = _place(rows[-1]) if more else None
        return Page(
            member=member,
            erased=erased,
            entries=[self._entry(row, member, found, translate, seen) for row in rows],
            next=cursor(last) if last else None,
        )

    def _entry(self, row: Row[Any], member: Member, found: keys.Found, translate: Translate, seen: Seen) -> Entry:
        envelope, of = envelope_of(row), member_of(row.stream)
        data, erased, problem = _open(envelope, of, found)
        fact_type = None if data is None else known_type(envelope)
        masked = seen.mask(data, fact_type, of) if data is not None and fact_type is not None else []
        return Entry(
            id=envelope.id,
            type=row.type,
            title=title(row.type, translate),
            occurred=row.occurred,
            recorded=row.recorded,
            source=row.source,
            author=row.author,
            about=about(fact_type, data or {}, member=of, source=row.source, urls=self.urls),
            data=data,
            erased=erased,
            problem=problem,
            masked=masked,
            member=of if of != member else None,
        )


@dataclass(frozen=True)
class Seen:
    """What of a customer's timeline its reader sees."""

    fields: Mapping[str, Fields]
    """Of each member within reach; the one that was asked for is the first."""
    everybody: bool
    """Whether nobody is out of reach."""
    near: Collection[str] = ()
    """Members within reach that entries may name; needn't be known where everybody is."""
    hidden: Sequence[str] = ()
    """Members out of reach that entries of those within may name."""

    def mask(self, data: dict[str, Any], fact_type: FactType, of: str) -> list[str]:
        """Take out of an entry's data what isn't seen; gives what is gone."""
        masked = [] if self.fields[of].all else mask(data, fact_type, self.fields[of])
        return masked if self.everybody else masked + mask_others(data, self.near)


def _seen(look: Look, member: Member) -> Seen:
    """Raises ``Forbidden``. Who is granted all there is costs no statement more."""
    look.need(Action.TIMELINE_READ)
    mates = clusters.others(look.session, member)
    if everybody := Reach.ALL in look.grants.reaches(Action.TIMELINE_READ):
        return Seen(look.fields(Action.TIMELINE_READ, [member, *mates]), everybody)
    decided = decisions_of(look.session, [member, *mates])
    named = [one for of in decided for one in (of.a, of.b)]
    found = look.fields(Action.TIMELINE_READ, [member, *mates, *named])
    if member not in found:
        look.see(Action.TIMELINE_READ, member)  # which says so
    fields = {one: found[one] for one in (member, *mates) if one in found}
    return Seen(fields, everybody, found.keys(), sorted({*mates, *named} - found.keys()))


def _query(before: Place | None, wanted: Wanted, *, hides: bool = False) -> Any:
    conditions = [condition for name, condition in _CONDITIONS.items() if getattr(wanted, name)]
    more = " ".join([_BEFORE] * (before is not None) + conditions + [_HIDDEN] * hides)
    return text(_READ.format(columns=", ".join(COLUMNS), more=more))


def _parameters(
    members: Iterable[str], before: Place | None, wanted: Wanted, limit: int, hidden: Sequence[str] = ()
) -> dict[str, Any]:
    return {
        "streams": [stream(Member(member)) for member in members],
        "limit": limit,
        **({**before._asdict(), "stream": stream(Member(before.member))} if before else {}),
        "group": wanted.group + ".",
        "wanted_source": wanted.source,
        "since": wanted.since,
        "until": wanted.until,
        "channel": f'"channel":"{wanted.channel}"',
        **({"naming": list(NAMING), "hidden": list(hidden)} if hidden else {}),
    }


def _place(row: Row[Any]) -> Place:
    return Place(row.occurred, row.source, row.sequence, member_of(row.stream))


def envelope_of(row: Row[Any]) -> Envelope:
    """The event of a row."""
    return Envelope(
        specversion="1.0",
        id=str(row.event_id),
        source=row.source,
        type=row.type,
        subject=row.stream,
        time=row.occurred,
        recordedtime=row.recorded,
        dataschema=row.dataschema,
        authid=row.author,
        data=msgspec.Raw(row.data),
        digits=f"{row.sequence:010d}",
    )


def _open(envelope: Envelope, member: Member, found: keys.Found) -> tuple[dict[str, Any] | None, bool, str | None]:
    """The data for people's eyes, whether text of it is erased, and why text of it can't be read."""
    try:
        fact_type = known_type(envelope)
        if fact_type is None:
            return None, False, None
        data = keys.open_data(envelope, fact_type, found)
        return data, blank_erased(data, fact_type), None
    except (KeyMissing, WrongKey) as error:
        # The rest of the entry can still be read: open it as if its texts were erased.
        assert fact_type is not None
        data = keys.open_data(envelope, fact_type, {(envelope.source, member): None})
        blank_erased(data, fact_type)
        return data, False, "key missing" if isinstance(error, KeyMissing) else "not authentic"
    except (Malformed, msgspec.MsgspecError, TypeError, KeyError):
        return None, False, "not readable by this release"
