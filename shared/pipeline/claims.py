"""Storage of claims and of the records folded from them: the same in every service that knows customers.

Every writer takes the locks of its members, sorted, before it reads a claim, so two edits of one member at
once are folded one after the other, each with the other's claims. A set of claims folds to the same record in
any order and however often it is stored, so events may be heard again.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ARRAY, Column, DateTime, Index, Integer, MetaData, Table, Text, func, select, text
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.orm import Session

from shared.customer import member as members_
from shared.customer.claims import Claim, distinct
from shared.customer.fields import Field, UnknownField, field
from shared.customer.fold import Change, FieldState, fold_field
from shared.customer.fold import edit as edit_claims
from shared.customer.member import Member, member_of
from shared.events.customer import ClaimMade, CustomerEdited, CustomerRegistered, CustomFieldDefined
from shared.events.envelope import Event, new_id
from shared.pipeline import keys
from shared.pipeline.work import Work

metadata = MetaData()
_C = Text(collation="C")  # compares as Python does

claim = Table(
    "claim",
    metadata,
    Column("member", UUID, primary_key=True),
    Column("field", _C, primary_key=True),
    Column("id", _C, primary_key=True),
    Column("value", _C, nullable=False, comment="personal, in the clear; deleted when the member is erased"),
    Column("saw", ARRAY(_C), nullable=False),
    Column("occurred", DateTime(timezone=True), nullable=False),
    Column("source", _C, nullable=False),
    Column("author", _C, nullable=False),
)

customer_record = Table(
    "customer_record",
    metadata,
    Column("member", UUID, primary_key=True),
    Column("registered", DateTime(timezone=True), comment="first known of; none once the member is erased"),
    Column("states", JSONB, nullable=False, server_default=text("'{}'"), comment="FieldState by field"),
    Column("name", Text, nullable=False, server_default=text("''"), comment="words to search, see plain"),
    Column("phone", Text, nullable=False, server_default=text("''")),
    Column("email", Text, nullable=False, server_default=text("''"), comment="in small letters"),
    Index("customer_record_name", text("to_tsvector('simple', name)"), postgresql_using="gin"),
    Index("customer_record_email", "email", postgresql_ops={"email": "text_pattern_ops"}),
    Index("customer_record_registered", text("registered DESC"), "member"),
    comment="What the claims of each member fold to; also the row by which a member is locked",
)

# The last digits of a number are known in more forms than the first ones.
Index(
    "customer_record_phone",
    func.reverse(customer_record.c.phone).label("backwards"),
    postgresql_ops={"backwards": "text_pattern_ops"},
)

custom_field = Table(
    "custom_field",
    metadata,
    Column("name", _C, primary_key=True),
    Column("label", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("occurred", DateTime(timezone=True), nullable=False),
    Column("source", _C, nullable=False),
    Column("sequence", Integer, nullable=False),
    comment="The newest definition of each department's field",
)


@dataclass(frozen=True)
class Told:
    """What one fact told of a customer."""

    member: Member
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


def lock(session: Session, members: Iterable[str]) -> dict[str, dict[str, FieldState]]:
    """Lock the members, known here or not, to the end of the transaction; gives their folded fields.

    To be called before anything about their claims is read, and with all members of a transaction at once.
    """
    wanted = sorted(set(members))
    if not wanted:
        return {}
    # A field's definition may not change between its reading and the commit of what was folded by it.
    session.execute(_FIELDS_SHARED)
    session.execute(_ADD, {"members": wanted})
    rows = session.execute(_LOCK, {"members": wanted})
    return {str(row.member): states_of(row.states) for row in rows}


def store_claims(work: Work, tellings: Sequence[Told]) -> set[str]:
    """Keep claims and fold the fields they touch; gives the members whose record may have changed.

    What is known already changes nothing. Claims of an erased member are not kept.
    """
    states = lock(work.session, (t.member for t in tellings))
    erased = keys.erased(work.session, {t.member for t in tellings})
    kept = [t for t in tellings if t.member not in erased]
    if not kept:
        return set()
    first: dict[str, datetime] = {}
    by_field: dict[tuple[str, str], list[Claim]] = {}
    for telling in kept:
        member = telling.member
        first[member] = min(first.get(member, telling.occurred), telling.occurred)
        for one in telling.claims:
            by_field.setdefault((member, one.field), []).append(one)
    work.session.execute(_MET, {"members": list(first), "met": list(first.values())})
    rows = [_row(m, c) for (m, _), claims in by_field.items() for c in distinct(claims).values()]
    news = work.session.execute(_INSERT, {"rows": msgspec.json.encode(rows).decode()}) if rows else ()
    return _fold(work.session, states, {(str(member), name) for member, name in news})


def refold(session: Session, touched: Iterable[tuple[str, str]]) -> set[str]:
    """Fold these (member, field) again from their claims. Gives the members."""
    pairs = set(touched)
    return _fold(session, lock(session, (member for member, _ in pairs)), pairs)


def _fold(session: Session, locked: Mapping[str, dict[str, FieldState]], touched: set[tuple[str, str]]) -> set[str]:
    pairs = sorted(touched)
    if not pairs:
        return set()
    states = {member: locked[member] for member, _ in pairs}
    custom = custom_fields(session)
    stored = session.execute(_READ, {"members": [m for m, _ in pairs], "fields": [f for _, f in pairs]})
    claims: dict[tuple[str, str], list[Claim]] = {}
    for row in stored:
        claims.setdefault((str(row.member), row.field), []).append(_claim(row))
    for (member, name), known in claims.items():
        try:
            states[member][name] = fold_field(field(name, custom), known)
        except UnknownField:
            continue  # a newer publisher's; kept until a release knows it, as a guessed policy could be wrong
    rows = [{"member": member, **_columns(fields)} for member, fields in states.items()]
    session.execute(_UPDATE, {"rows": msgspec.json.encode(rows).decode()})
    return set(states)


def forget(session: Session, members: Iterable[str]) -> None:
    """Delete all that is kept of the members here: claims, record, what could be searched."""
    wanted = sorted(set(members))
    lock(session, wanted)
    session.execute(_FORGET_CLAIMS, {"members": wanted})
    session.execute(_FORGET_RECORD, {"members": wanted})


def edit(
    work: Work,
    member: Member,
    changes: Mapping[str, Change],
    saw: Mapping[str, Sequence[str]],
) -> tuple[Claim, ...]:
    """Claims of the actor for a member, stored and published; none if all is so already.

    ``saw`` says for each field which claims the actor had before his eyes; where it is silent, today's heads.
    Raises ``UnknownField`` and ``InvalidValue``.
    """
    states = lock(work.session, [member])[member]
    states |= {name: as_seen(states[name], saw[name]) for name in states.keys() & saw.keys()}
    claims = edit_claims(
        states,
        changes,
        custom_fields(work.session),
        ids=iter(new_id, ""),
        occurred=work.now,
        source=work.source,
        author=work.actor.id,
    )
    return publish_edit(work, member, claims)


def as_seen(state: FieldState, saw: Sequence[str]) -> FieldState:
    """The field with the heads that its author saw; of a set, those he saw of each element."""
    elements = {element: tuple(id for id in ids if id in saw) for element, ids in state.heads.items()}
    return msgspec.structs.replace(state, heads={"": tuple(saw)} if "" in state.heads else elements)


def publish_edit(work: Work, member: Member, claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """Store claims of the actor and publish them, if there are any."""
    if claims:
        work.publish(members_.stream(member), CustomerEdited(claims=made(claims)))
        store_claims(work, [Told(member, work.now, tuple(claims))])
        work.touch(members_.stream(member))
    return tuple(claims)


def define(work: Work, events: Sequence[Event]) -> None:
    """Take definitions of custom fields; the newest by (occurred, source, sequence) holds.

    A definition of a kind or policy that isn't known here is rejected.
    """
    good = {event.id: defined for event in events if (defined := _definition(work, event)) is not None}
    if not good:
        return
    work.session.execute(_FIELDS_ALONE)
    before = custom_fields(work.session)
    for event in events:
        if event.id in good:
            work.session.execute(
                _DEFINE,
                {
                    **msgspec.structs.asdict(good[event.id]),
                    "occurred": event.occurred,
                    "source": event.source,
                    "sequence": event.sequence,
                },
            )
    after = custom_fields(work.session)
    changed = [name for name in after if after[name] != before.get(name)]
    rows = work.session.execute(_MEMBERS_WITH, {"fields": changed})
    refold(work.session, {(str(member), name) for member, name in rows})


def _definition(work: Work, event: Event) -> CustomFieldDefined | None:
    fact = event.fact
    assert isinstance(fact, CustomFieldDefined)
    try:
        described = msgspec.convert(msgspec.structs.asdict(fact), Field)
        if described == field(described.name, {described.name: described}):
            return fact
        work.reject(event, "the field has the name of a field that every customer has")
    except (msgspec.ValidationError, UnknownField) as error:
        work.reject(event, f"the definition isn't one that is known here: {error}")
    return None


def custom_fields(session: Session) -> dict[str, Field]:
    """The departments' fields by name."""
    c = custom_field.c
    rows = session.execute(select(c.name, c.label, c.kind, c.policy).order_by(c.name))
    return {row.name: Field(*row) for row in rows}


def claims_of(session: Session, member: str, fields: Iterable[str]) -> dict[str, Claim]:
    """The claims of these fields of a member, by id."""
    names = sorted(set(fields))
    rows = session.execute(_READ, {"members": [member] * len(names), "fields": names})
    return {row.id: _claim(row) for row in rows}


def plain(words: str) -> str:
    """Words as they are searched: small letters, no accents, nothing but letters and digits."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", words.casefold()) if not unicodedata.combining(c))
    return " ".join("".join(c if c.isalnum() else " " for c in bare).split())


def _row(member: str, one: Claim) -> dict[str, Any]:
    return {"member": member, **msgspec.structs.asdict(one)}


def _claim(row: Any) -> Claim:
    return Claim(row.id, row.field, row.value, tuple(row.saw), row.occurred, row.source, row.author)


def states_of(stored: Any) -> dict[str, FieldState]:
    """The folded fields as ``customer_record.states`` keeps them."""
    return msgspec.convert(stored, dict[str, FieldState])


def _columns(states: Mapping[str, FieldState]) -> dict[str, Any]:
    def one(name: str) -> str:
        value = states[name].value if name in states else ""
        return value if isinstance(value, str) else " ".join(value)

    return {
        "states": states,
        "name": plain(" ".join(map(one, ("given_name", "family_name", "company")))),
        "phone": one("phone"),
        "email": one("email").lower(),
    }


_FIELDS_SHARED = text("SELECT pg_advisory_xact_lock_shared(hashtextextended('custom_field', 0))")
_FIELDS_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended('custom_field', 0))")
_ADD = text("""
INSERT INTO customer_record (member) SELECT unnest(CAST(:members AS uuid[])) ORDER BY 1 ON CONFLICT DO NOTHING
""")
_LOCK = text("""
SELECT member, states FROM customer_record WHERE member = ANY (CAST(:members AS uuid[])) ORDER BY member
FOR UPDATE
""")
_MET = text("""
UPDATE customer_record AS r SET registered = m.met
FROM unnest(CAST(:members AS uuid[]), CAST(:met AS timestamptz[])) AS m (member, met)
WHERE r.member = m.member AND (r.registered IS NULL OR m.met < r.registered)
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
RETURNING member, field
""")
_READ = text("""
SELECT c.* FROM claim c
JOIN unnest(CAST(:members AS uuid[]), CAST(:fields AS text[])) AS p (member, field) USING (member, field)
""")
_UPDATE = text("""
UPDATE customer_record AS r SET states = n.states, name = n.name, phone = n.phone, email = n.email
FROM json_to_recordset(CAST(:rows AS json)) AS n (member uuid, states jsonb, name text, phone text,
                                                  email text)
WHERE r.member = n.member
""")
_FORGET_CLAIMS = text("DELETE FROM claim WHERE member = ANY (CAST(:members AS uuid[]))")
_FORGET_RECORD = text("""
UPDATE customer_record SET registered = NULL, states = '{}', name = '', phone = '', email = ''
WHERE member = ANY (CAST(:members AS uuid[]))
""")
_DEFINE = text("""
INSERT INTO custom_field AS f (name, label, kind, policy, occurred, source, sequence)
VALUES (:name, :label, :kind, :policy, :occurred, :source, :sequence)
ON CONFLICT (name) DO UPDATE SET label = excluded.label, kind = excluded.kind, policy = excluded.policy,
    occurred = excluded.occurred, source = excluded.source, sequence = excluded.sequence
WHERE (excluded.occurred, excluded.source, excluded.sequence) > (f.occurred, f.source, f.sequence)
""")
_MEMBERS_WITH = text("SELECT DISTINCT member, field FROM claim WHERE field = ANY (CAST(:fields AS text[]))")
