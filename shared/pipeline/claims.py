"""Storage of claims and of the records folded from them: the same in every service that knows customers.

Every writer takes the locks of its members, sorted, before it reads a claim, so two edits of one member at
once are folded one after the other, each with the other's claims. A set of claims folds to the same record in
any order and however often it is stored, so events may be heard again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.customer.claims import Claim, distinct
from shared.customer.fields import UnknownField, field
from shared.customer.fold import FieldState, fold_field
from shared.customer.member import Member, member_of, stream
from shared.customer.searching import searched
from shared.edge.copying import copy_texts
from shared.edge.db import text_array
from shared.edge.errors import Conflict, NotFound
from shared.events.customer import ClaimMade, CustomerEdited, CustomerRegistered, CustomFieldDefined
from shared.events.envelope import UUID_TEXT, Event
from shared.pipeline import definitions, keys
from shared.pipeline.definitions import Definition, NotUnderstood, custom_fields
from shared.pipeline.work import Work
from shared.texts import N_

MOST_TOPICS = 48
MANY = 50
"""From so many members on that are met for the first time, COPY is faster than parameters."""

Pair = tuple[str, str]
"""A member and a field of it."""


@dataclass
class Held:
    """A member whose row this transaction has locked."""

    states: dict[str, FieldState]
    registered: datetime | None = None
    erased: bool = False
    new: bool = False
    """Its row was made by this transaction, so it has no claims but those of this transaction."""


@dataclass(frozen=True)
class Told:
    """What one fact told of a customer."""

    member: str
    occurred: datetime
    claims: tuple[Claim, ...] = ()


def told(event: Event) -> Told:
    """What a ``customer.registered`` or ``customer.edited`` event tells. Raises ``TypeError`` for another."""
    fact = event.fact
    if not isinstance(fact, CustomerRegistered | CustomerEdited):
        raise TypeError(f"{event.type} tells no claims")
    author = event.envelope.authid
    claims = tuple(Claim(c.id, c.field, str(c.value), c.saw, c.made, event.source, author) for c in fact.claims)
    return Told(member_of(event.stream), event.occurred, claims)


def made(claims: Iterable[Claim]) -> tuple[ClaimMade, ...]:
    """Claims as a fact carries them."""
    return tuple(ClaimMade(id=c.id, field=c.field, value=c.value, saw=c.saw, made=c.occurred) for c in claims)


def lock(session: Session, members: Iterable[str]) -> dict[str, Held]:
    """Lock the members, known here or not, to the end of the transaction; gives what is known of each.

    To be called before anything about their claims is read, and with all members of a transaction at once.
    """
    wanted = sorted(set(members))
    if not wanted:
        return {}
    # A field's definition may not change between its reading and the commit of what was folded by it.
    definitions.hold_still(session)
    of_them = {"members": text_array(wanted)}
    new = set(session.scalars(_ADD, of_them))
    rows = session.execute(_LOCK, of_them).all()
    # Only now: an erasure that was under way has committed, since its lock is ours.
    gone = keys.erased(session, wanted)
    return {
        row.member: Held(_states.decode(row.states), row.registered, row.member in gone, row.member in new)
        for row in rows
    }


def hold(session: Session, members: Iterable[str]) -> set[str]:
    """Lock the members as ``lock`` does, for who needs to know only which of them are erased."""
    wanted = sorted(set(members))
    if not wanted:
        return set()
    of_them = {"members": text_array(wanted)}
    session.execute(_ADD, of_them)
    session.execute(_HOLD, of_them)
    return keys.erased(session, wanted)


def standing(session: Session, member: str) -> Held:
    """The member, locked. Raises ``NotFound``, and ``Conflict`` when it is erased."""
    held = lock(session, [member])[member]
    if held.erased:
        raise Conflict(N_("this customer was erased; nothing more can be written about the person"))
    if held.registered is None:
        raise NotFound(N_("there is no such customer"))
    return held


def store_claims(work: Work, tellings: Sequence[Told], held: Mapping[str, Held] | None = None) -> set[str]:
    """Keep claims and fold the fields they touch; gives the members whose record may have changed.

    What is known already changes nothing. Claims of an erased member are not kept. ``held`` are the members if
    they are locked already, and is brought up to date.
    """
    new: set[str] = set()
    if held is None:
        new = _store_newcomers(work.session, tellings) if len(tellings) >= MANY else new
        tellings = [telling for telling in tellings if telling.member not in new]
        held = lock(work.session, (telling.member for telling in tellings))
    given: dict[Pair, list[Claim]] = {}
    met: set[str] = set()
    for telling in tellings:
        of = held[telling.member]
        if of.erased:
            continue
        if of.registered is None or telling.occurred < of.registered:
            of.registered = telling.occurred
            met.add(telling.member)
        for one in telling.claims:
            given.setdefault((telling.member, one.field), []).append(one)
    alone = {pair: claims for pair, claims in given.items() if held[pair[0]].new}
    touched = _insert(work.session, given) - alone.keys()
    changed = _fold(work.session, held, {**_read(work.session, touched), **alone}) | met
    _save(work.session, held, changed)
    return changed | new


def _store_newcomers(session: Session, tellings: Sequence[Told]) -> set[str]:
    """Keep what is told of members of whom nobody told before, if these are many; gives those that were new.

    A row is made with all that is known, and by this is locked. Who finds another's row there is none of them.
    """
    definitions.hold_still(session)
    members = {telling.member for telling in tellings}
    missing = members.difference(session.scalars(_KNOWN, {"members": text_array(sorted(members))}))
    if len(missing) < MANY:
        return set()
    held: dict[str, Held] = {}
    given: dict[Pair, list[Claim]] = {}
    for telling in tellings:
        if telling.member in missing:
            of = held.setdefault(telling.member, Held({}, telling.occurred))
            of.registered = min(of.registered or telling.occurred, telling.occurred)
            for one in telling.claims:
                given.setdefault((telling.member, one.field), []).append(one)
    _fold(session, held, given)
    session.execute(_NEW)
    records = [(member, *_record(held[member])) for member in sorted(held)]
    copy_texts(session, "customer_record_new", ("member", *_RECORD), records)
    new = set(session.scalars(_WELCOME).all())
    session.execute(_NEW_DONE)
    # Only now, as in lock.
    gone = keys.erased(session, new)
    if gone:
        session.execute(_FORGET_RECORD, {"members": sorted(gone)})
    kept = new - gone
    rows = [
        (member, *_columns(one))
        for (member, _), claims in given.items()
        if member in kept
        for one in (claims if len(claims) == 1 else distinct(claims).values())
    ]
    copy_texts(session, "claim", ("member", "id", "field", "value", "saw", "occurred", "source", "author"), rows)
    return new


def _insert(session: Session, given: Mapping[Pair, list[Claim]]) -> set[Pair]:
    """Gives the (member, field) that got a claim."""
    if not given:
        return set()
    rows = [_row(member, one) for (member, _), claims in given.items() for one in distinct(claims).values()]
    return {(member, name) for member, name in session.execute(_INSERT, {"rows": _json(rows)})}


def _read(session: Session, pairs: Iterable[Pair]) -> dict[Pair, list[Claim]]:
    wanted = sorted(pairs)
    claims: dict[Pair, list[Claim]] = {}
    if wanted:
        parameters = {"members": [m for m, _ in wanted], "fields": [f for _, f in wanted]}
        for member, *of in session.execute(_READ, parameters):
            one = _claim(of)
            claims.setdefault((member, one.field), []).append(one)
    return claims


def _fold(session: Session, held: Mapping[str, Held], claims: Mapping[Pair, list[Claim]]) -> set[str]:
    """Fold fields of held members from all their claims; gives the members."""
    custom = custom_fields(session) if claims else {}
    for (member, name), known in claims.items():
        held[member].new = False
        try:
            held[member].states[name] = fold_field(field(name, custom), known)
        except UnknownField:
            continue  # a newer publisher's; kept until a release knows it, as a guessed policy could be wrong
    return {member for member, _ in claims}


def _save(session: Session, held: Mapping[str, Held], members: Iterable[str]) -> None:
    rows = [
        {"member": m, "registered": held[m].registered, "states": held[m].states, **searched(held[m].states)}
        for m in sorted(members)
    ]
    if rows:
        session.execute(_UPDATE, {"rows": _json(rows)})


def forget(work: Work, members: Iterable[str]) -> dict[str, Counter[str]]:
    """Delete all that is kept of the members here: claims, record, what could be searched, keys.

    Gives how many rows there were: of ``records`` and ``keys``, by member.
    """
    wanted = sorted(set(members))
    # The rows before the keys, as everybody takes these locks.
    lock(work.session, wanted)
    records = Counter(work.session.scalars(_FORGET_CLAIMS, {"members": wanted}).all())
    records += Counter(work.session.scalars(_FORGET_RECORD, {"members": wanted}).all())
    return {"records": records, "keys": keys.erase(work, wanted)}


def heard(work: Work, events: list[Event]) -> None:
    """Customers registered or edited, also by this service: what is known already changes nothing."""
    good = named(work, events)
    changed = store_claims(work, [told(event) for event in good])
    touch(work, changed & {member_of(event.stream) for event in good if event.live})


def named(work: Work, events: Iterable[Event]) -> list[Event]:
    """The events whose stream names a member; the others are rejected."""
    good = []
    for event in events:
        kind, _, member = event.envelope.subject.partition("/")
        if kind == "customer" and UUID_TEXT.fullmatch(member):
            good.append(event)
        else:
            work.reject(event, "the stream doesn't name a member")
    return good


def touch(work: Work, members: Iterable[str]) -> None:
    """Tell the open pages of these members, unless there are too many to be of interest to anybody."""
    topics = {stream(Member(member)) for member in members}
    if len(topics) <= MOST_TOPICS:
        work.touch(*topics)


def heard_fields(work: Work, events: list[Event]) -> None:
    """Definitions of custom fields; one of a kind or policy that isn't known here is rejected."""
    good = []
    for event in events:
        assert isinstance(event.fact, CustomFieldDefined)
        try:
            good.append(Definition(definitions.field_of(event.fact, event.source), event.occurred, event.id))
        except NotUnderstood as error:
            work.reject(event, str(error))
    if good:
        define(work, good)


def define(work: Work, news: Iterable[Definition]) -> None:
    """Keep definitions of custom fields, and fold anew what folds in another way by them."""
    if fields := definitions.keep(work.session, news):
        pairs = {(member, name) for member, name in work.session.execute(_CLAIMED, {"fields": fields})}
        held = lock(work.session, (member for member, _ in pairs))
        _save(work.session, held, _fold(work.session, held, _read(work.session, pairs)))


def fold_anew(work: Work, members: Iterable[str]) -> None:
    """Fold all fields of the members from the claims that are kept, whatever their records say now."""
    held = lock(work.session, members)
    pairs = {(member, name) for member, name in work.session.execute(_ALL_OF, {"members": sorted(held)})}
    _save(work.session, held, _fold(work.session, held, _read(work.session, pairs)))


def claims_of(session: Session, member: str, fields: Iterable[str]) -> dict[str, Claim]:
    """The claims of these fields of a member, by id."""
    found = _read(session, {(member, name) for name in fields})
    return {one.id: one for claims in found.values() for one in claims}


def _row(member: str, one: Claim) -> dict[str, Any]:
    return {"member": member, **msgspec.structs.asdict(one)}


def _claim(row: Sequence[Any]) -> Claim:
    id, name, value, saw, occurred, source, author = row
    return Claim(id, name, value, tuple(saw), occurred, source, author)


def _json(rows: object) -> str:
    return msgspec.json.encode(rows).decode()


def _columns(one: Claim) -> tuple[str, ...]:
    return one.id, one.field, one.value, text_array(one.saw), one.occurred.isoformat(), one.source, one.author


def _record(of: Held) -> tuple[str, ...]:
    """The columns ``_RECORD`` of a member, as texts."""
    assert of.registered is not None
    return of.registered.isoformat(), _json(of.states), *searched(of.states).values()


_RECORD = ("registered", "states", "name", "phone", "email")
_states = msgspec.json.Decoder(dict[str, FieldState])
_KNOWN = text("SELECT member::text FROM customer_record WHERE member = ANY (CAST(:members AS uuid[]))")
_NEW = text("""
CREATE TEMP TABLE IF NOT EXISTS customer_record_new
    (member uuid, registered timestamptz, states jsonb, name text, phone text, email text)
""")
_WELCOME = text("""
INSERT INTO customer_record (member, registered, states, name, phone, email)
SELECT member, registered, states, name, phone, email FROM customer_record_new ORDER BY member
ON CONFLICT DO NOTHING RETURNING member::text
""")
_NEW_DONE = text("TRUNCATE customer_record_new")
_HOLD = text("""
SELECT count(*) FROM (
    SELECT FROM customer_record WHERE member = ANY (CAST(:members AS uuid[])) ORDER BY member FOR UPDATE) h
""")
_ADD = text("""
INSERT INTO customer_record (member) SELECT unnest(CAST(:members AS uuid[])) ORDER BY 1 ON CONFLICT DO NOTHING
RETURNING member::text
""")
_LOCK = text("""
SELECT member::text, registered, states::text FROM customer_record WHERE member = ANY (CAST(:members AS uuid[]))
ORDER BY customer_record.member FOR UPDATE
""")
# Of different claims with one id the emptier stands, whichever comes first (shared.customer.claims.distinct).
_INSERT = text("""
INSERT INTO claim AS c (member, field, id, value, saw, occurred, source, author)
SELECT member, field, id, value, saw, occurred, source, author
FROM json_to_recordset(CAST(:rows AS json)) AS r (member uuid, field text, id text, value text, saw text[],
                                                  occurred timestamptz, source text, author text)
ON CONFLICT (member, field, id) DO UPDATE SET value = excluded.value, saw = excluded.saw,
    occurred = excluded.occurred, source = excluded.source, author = excluded.author
WHERE (excluded.value, excluded.occurred, excluded.source, excluded.author, excluded.saw)
    < (c.value, c.occurred, c.source, c.author, c.saw)
RETURNING member::text, field
""")
_READ = text("""
SELECT c.member::text, c.id, c.field, c.value, c.saw, c.occurred, c.source, c.author FROM claim c
JOIN unnest(CAST(:members AS uuid[]), CAST(:fields AS text[])) AS p (member, field) USING (member, field)
""")
_UPDATE = text("""
UPDATE customer_record AS r
SET registered = n.registered, states = n.states, name = n.name, phone = n.phone, email = n.email
FROM json_to_recordset(CAST(:rows AS json)) AS n (member uuid, registered timestamptz, states jsonb, name text,
                                                  phone text, email text)
WHERE r.member = n.member
""")
_FORGET_CLAIMS = text("DELETE FROM claim WHERE member = ANY (CAST(:members AS uuid[])) RETURNING member::text")
_FORGET_RECORD = text("""
UPDATE customer_record SET registered = NULL, states = '{}', name = '', phone = '', email = ''
WHERE member = ANY (CAST(:members AS uuid[]))
  AND (registered, states, name, phone, email) IS DISTINCT FROM (NULL::timestamptz, CAST('{}' AS jsonb), '', '', '')
RETURNING member::text
""")
# The second condition is that of the index.
_CLAIMED = text("""
SELECT DISTINCT member::text, field FROM claim
WHERE field = ANY (CAST(:fields AS text[])) AND field LIKE 'custom.%'
""")
_ALL_OF = text("SELECT DISTINCT member::text, field FROM claim WHERE member = ANY (CAST(:members AS uuid[]))")
