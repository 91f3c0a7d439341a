"""Members' keys: made by the publisher, shared on its keys topic, kept wrapped, deleted at erasure.

A record of the keys topic has the key ``member/key id`` and says either the wrapped key or that the member is
erased. The topic is compacted, so at its end it holds one or the other for every key there ever was: a key that
is neither there nor marked as erased is a loss, and whoever needs it waits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from functools import cache

import msgspec
import structlog
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import ARRAY, bindparam, cast, delete, func, select, text
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared.customer.member import member_of
from shared.edge.db import text_array
from shared.edge.statements import run
from shared.events.envelope import Envelope, known_type, version_of
from shared.events.facts import Fact, FactType, change_personal
from shared.events.upcasters import lift
from shared.pipeline import due
from shared.pipeline.sealing import KeyEncryptionKeys, MemberKey, WrongKey, new_key, unseal
from shared.pipeline.tables import erased_member, member_key
from shared.pipeline.work import OwnKey, Work

FORGET = "forget"
"""The task that forgets members of which a topic of keys said that they are erased."""

Found = dict[tuple[str, str], Mapping[str, AESGCM] | None]
"""(source, member) -> the keys there are, by id; none when the member is erased."""


class KeyRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """The value of a record of a keys topic."""

    wrapped: str = ""
    erased: bool = False


log = structlog.get_logger(__name__)

ERASED_RECORD = msgspec.json.encode(KeyRecord(erased=True))
_record = msgspec.json.Decoder(KeyRecord)


def own_keys(work: Work, members: Iterable[str], keks: KeyEncryptionKeys) -> dict[str, MemberKey]:
    """This service's keys of the members, made and put on record where missing; an erased member has none."""
    wanted = sorted(set(members))
    meet(work, [member for member in wanted if member not in work.own])
    if missing := [member for member in wanted if member not in work.own]:
        _make(work, missing, keks)
        # Read again: another transaction may have made one first, and _make waited for its commit.
        meet(work, missing)
    return {
        member: MemberKey(own.id, keks.unwrap(own.wrapped, source=work.source, member=member))
        for member in wanted
        if (own := work.own.get(member)) is not None
    }


_OWN = """
SELECT member::text, key_id, wrapped FROM member_key
WHERE source = %(source)s AND member = ANY (CAST(%(members)s AS uuid[]))
UNION ALL
SELECT member::text, NULL, NULL FROM erased_member WHERE member = ANY (CAST(%(members)s AS uuid[]))
ORDER BY 2
"""


def meet(work: Work, members: Collection[str]) -> dict[str, bool]:
    """Look which of the members are erased, and take note of this service's keys of the others for the writing of
    their events: member -> whether it is erased."""
    if members:
        for member, key_id, wrapped in run(work.session, _OWN, {"source": work.source, "members": text_array(members)}):
            work.own[member] = None if key_id is None else OwnKey(key_id, wrapped)
    return {member: member in work.own and work.own[member] is None for member in members}


def _make(work: Work, members: list[str], keks: KeyEncryptionKeys) -> None:
    session, source = work.session, work.source
    _lock(session, members)
    taken = select(member_key.c.member).where(member_key.c.source == source, member_key.c.member == _any(members))
    erased = select(erased_member.c.member).where(erased_member.c.member == _any(members))
    out = {str(member) for member in session.scalars(taken.union(erased))}
    rows = []
    for member in members:
        if member in out:
            continue
        key_id, key = new_key()
        wrapped = keks.wrap(key, source=source, member=member)
        rows.append({"member": member, "source": source, "key_id": key_id, "wrapped": wrapped})
        work.key_records.append((f"{member}/{key_id}", msgspec.json.encode(KeyRecord(wrapped))))
    if rows:
        session.execute(member_key.insert(), rows)


def _lock(session: Session, members: Iterable[str]) -> None:
    # The making of a key and the erasure of its member exclude each other. Sorted, so no two can deadlock.
    session.execute(_LOCK, {"members": sorted(set(members))})


_LOCK = text("""
SELECT count(pg_advisory_xact_lock(hashtextextended(member, 0))) FROM unnest(CAST(:members AS text[])) AS m (member)
""").bindparams(bindparam("members"))


def _any(members: Iterable[str]) -> object:
    return func.any(cast(list(members), ARRAY(UUID)))


def erase(work: Work, members: Iterable[str]) -> Counter[str]:
    """Delete every key of the members for good, and mark this service's own as erased on its keys topic; gives how
    many of each member there were."""
    wanted = sorted(set(members))
    if not wanted:
        return Counter()
    _lock(work.session, wanted)
    for member in wanted:
        work.own.pop(member, None)
    work.session.execute(upsert(erased_member).values([{"member": m} for m in wanted]).on_conflict_do_nothing())
    rows = work.session.execute(
        delete(member_key)
        .where(member_key.c.member == _any(wanted))
        .returning(member_key.c.member, member_key.c.source, member_key.c.key_id)
    ).all()
    work.key_records.extend((f"{member}/{key_id}", ERASED_RECORD) for member, of, key_id in rows if of == work.source)
    return Counter(str(row.member) for row in rows)


_STORE = text("""
INSERT INTO member_key (member, source, key_id, wrapped)
SELECT member, :source, key_id, wrapped
FROM unnest(CAST(:members AS uuid[]), CAST(:key_ids AS text[]), CAST(:wrapped AS text[])) AS r (member, key_id, wrapped)
ON CONFLICT DO NOTHING
""").bindparams(*(bindparam(name) for name in ("source", "members", "key_ids", "wrapped")))


def store(work: Work, source: str, records: Mapping[tuple[str, str], KeyRecord]) -> None:
    """Keep what was read from a service's keys topic: the newest record of each (member, key id).

    A key of a member that is erased here is refused; if it is this service's own, it is marked as erased again,
    because a frozen relay may have sent it after its mark.
    """
    members = {member for member, _ in records}
    if not members:
        return
    _lock(work.session, members)
    gone = {member for (member, _), record in records.items() if record.erased}
    found = work.session.scalars(select(erased_member.c.member).where(erased_member.c.member == _any(members)))
    erased = {str(member) for member in found}
    erase(work, gone - erased)
    # The event that says so may be parked, or far behind: what is kept in the clear goes now.
    due.mark(work, FORGET, gone - erased)
    rows = []
    for (member, key_id), record in sorted(records.items()):
        if not record.erased and member in erased and source == work.source:
            work.key_records.append((f"{member}/{key_id}", ERASED_RECORD))
        if not record.erased and member not in erased | gone:
            rows.append((member, key_id, record.wrapped))
    if rows:
        columns = dict(zip(("members", "key_ids", "wrapped"), map(list, zip(*rows, strict=True)), strict=True))
        work.session.execute(_STORE, {"source": source, **columns})


def own_records(session: Session, source: str, members: Iterable[str]) -> list[tuple[str, bytes]]:
    """What the keys topic of ``source``, this service, has to say of these members' keys: (member/key id, record)."""
    rows = session.execute(
        select(member_key.c.member, member_key.c.key_id, member_key.c.wrapped)
        .where(member_key.c.source == source, member_key.c.member == _any(members))
        .order_by(member_key.c.member)
    )
    return [(f"{member}/{key_id}", msgspec.json.encode(KeyRecord(wrapped))) for member, key_id, wrapped in rows]


def parse_record(value: bytes | None) -> KeyRecord:
    """A record of a keys topic; what can't be read says nothing. A missing value is an erasure."""
    if value is None:
        return KeyRecord(erased=True)
    try:
        record = _record.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return KeyRecord()
    return record if record.wrapped.isprintable() else KeyRecord()


def find(session: Session, pairs: Iterable[tuple[str, str]], keks: KeyEncryptionKeys) -> Found:
    """The keys of (source, member) pairs. A pair of which nothing is known has an empty mapping."""
    wanted = sorted(set(pairs))
    found: Found = {pair: {} for pair in wanted}
    if not wanted:
        return found
    columns = {
        "sources": text_array(source for source, _ in wanted),
        "members": text_array(member for _, member in wanted),
    }
    for source, member, key_id, wrapped in session.execute(_FIND, columns):
        keys = found[source, member] or {}
        try:
            cipher = keks.unwrap(wrapped, source=source, member=member)
        except WrongKey as error:
            # As good as missing: whoever needs it is told so, and nobody else has to suffer.
            log.warning("keys.unusable", why=str(error))
            continue
        found[source, member] = {**keys, key_id: cipher}
    without = {member for (_, member), keys in found.items() if not keys}
    for member in erased(session, without):
        found |= {pair: None for pair in wanted if pair[1] == member}
    return found


_FIND = text("""
SELECT k.source, k.member::text, k.key_id, k.wrapped
FROM unnest(CAST(:sources AS text[]), CAST(:members AS uuid[])) AS w (source, member)
JOIN member_key k ON k.member = w.member AND k.source = w.source
""").bindparams(bindparam("sources"), bindparam("members"))
_WITHOUT = """
SELECT w.source, w.stream
FROM unnest(CAST(%(sources)s AS text[]), CAST(%(streams)s AS text[]), CAST(%(members)s AS uuid[]))
  AS w (source, stream, member)
WHERE NOT EXISTS (SELECT 1 FROM member_key k WHERE k.member = w.member AND k.source = w.source)
  AND NOT EXISTS (SELECT 1 FROM erased_member e WHERE e.member = w.member)
"""


def without_key(session: Session, places: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those (source, customer's stream) of which neither a key nor an erasure is known here."""
    wanted = sorted(places)
    values = {
        "sources": text_array(source for source, _ in wanted),
        "streams": text_array(stream for _, stream in wanted),
        "members": text_array(member_of(stream) for _, stream in wanted),
    }
    return [(source, stream) for source, stream in run(session, _WITHOUT, values)]


def erased(session: Session, members: Iterable[str]) -> set[str]:
    """Which of the members are erased."""
    wanted = text_array(members)
    return set(session.scalars(_ERASED, {"members": wanted}).all()) if wanted != "{}" else set()


_ERASED = text("SELECT member::text FROM erased_member WHERE member = ANY (CAST(:members AS uuid[]))")


def open_data(envelope: Envelope, fact_type: FactType, found: Found) -> dict[str, object]:
    """The data of an event in built-in types, of today's version, personal texts in the clear or ``ERASED``.

    Raises ``msgspec.DecodeError`` for data that aren't an object, ``KeyMissing``, and ``WrongKey`` for text that
    was tampered with.
    """
    data = msgspec.json.decode(envelope.data, type=dict)
    data = lift(data, envelope.type, version_of(envelope), fact_type.version)
    if fact_type.personal:
        keys = found.get((envelope.source, member_of(envelope.subject)), {})
        change_personal(data, fact_type.personal, lambda text: unseal(text, keys, event_id=envelope.id))
    return data


def open_fact(envelope: Envelope, found: Found) -> Fact | None:
    """The fact of an event, opened; none for a type that isn't known here.

    Raises as ``open_data``, ``Malformed`` for a newer version, and ``msgspec.ValidationError`` for data of
    another shape.
    """
    fact_type = known_type(envelope)
    if fact_type is None:
        return None
    if not fact_type.personal:
        return sealed_fact(envelope)
    return msgspec.convert(open_data(envelope, fact_type, found), fact_type.record, strict=False)


def sealed_fact(envelope: Envelope) -> Fact | None:
    """The fact of an event with its personal texts as they are sealed; none for a type that isn't known here.

    Raises as ``open_fact``, but for what is about keys.
    """
    fact_type = known_type(envelope)
    if fact_type is None:
        return None
    version = version_of(envelope)
    if version == fact_type.version:
        return _decoder(fact_type.record).decode(envelope.data)
    data = lift(msgspec.json.decode(envelope.data, type=dict), envelope.type, version, fact_type.version)
    return msgspec.convert(data, fact_type.record, strict=False)


@cache
def _decoder(record: type[msgspec.Struct]) -> msgspec.json.Decoder[Fact]:
    return msgspec.json.Decoder(record, strict=False)
