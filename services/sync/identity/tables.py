"""What members are matched by, what people decided of them, and what a person is to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import ARRAY, Boolean, Column, DateTime, Index, MetaData, Table, Text, bindparam, or_, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from services.sync.identity.rules import IDENTIFIERS, MOST_SHARED, Decision, Pair, Value
from shared.customer.claims import Claim
from shared.edge.copying import copy_texts
from shared.edge.db import text_array
from shared.pipeline.customer_tables import Id, any_of

metadata = MetaData()
_C = Text(collation="C")  # compares as Python does
CROWDED = "crowded"
NAMES_DIFFER = "names"

identifier = Table(
    "identifier",
    metadata,
    Column("member", Id, primary_key=True),
    Column("field", _C, primary_key=True),
    Column("id", _C, primary_key=True, comment="the claim's"),
    Column("value", _C, nullable=False, comment="personal, as it is compared; deleted when the member is erased"),
    Column("saw", ARRAY(_C), nullable=False),
    Column("occurred", DateTime(timezone=True), nullable=False),
    Index(
        "identifier_value",
        "field",
        "value",
        "member",
        postgresql_where=text("field IN ('phone', 'email') AND value <> ''"),
    ),
    comment="All claims by which members are told apart or found to be the same",
)

identity_decision = Table(
    "identity_decision",
    metadata,
    Column("a", Id, primary_key=True, comment="the lesser member"),
    Column("b", Id, primary_key=True),
    Column("joined", Boolean, nullable=False),
    Column("occurred", DateTime(timezone=True), nullable=False),
    Column("event_id", _C, nullable=False, comment="of two decisions the later stands, by (occurred, id)"),
    Index("identity_decision_b", "b"),
    Index("identity_decision_occurred", "occurred"),
    comment="What a person decided of two members",
)

identity_suggestion = Table(
    "identity_suggestion",
    metadata,
    Column("a", Id, primary_key=True, comment="the lesser member"),
    Column("b", Id, primary_key=True, comment="the same as a, where it has something in common with too many"),
    Column("because", _C, primary_key=True, comment="phone or email"),
    Column("why", Text, nullable=False, comment="names: these differ; crowded: too many members have it"),
    Index("identity_suggestion_why", "why", "a", "b", "because"),
    Index("identity_suggestion_b", "b"),
    comment="Members that may be the same customer, for a person to look at; written by the task that matches",
)

# Of different claims with one id the emptier stands, whichever comes first (shared.customer.claims.distinct).
_KEEP = text("""
INSERT INTO identifier AS i (member, field, id, value, saw, occurred)
SELECT DISTINCT ON (member, field, id) member, field, id, value, saw, occurred
FROM json_to_recordset(CAST(:rows AS json)) AS r (member uuid, field text, id text, value text, saw text[],
                                                  occurred timestamptz)
ORDER BY member, field, id, value COLLATE "C", occurred, saw COLLATE "C"
ON CONFLICT (member, field, id) DO UPDATE
SET value = excluded.value, saw = excluded.saw, occurred = excluded.occurred
WHERE (excluded.value, excluded.occurred, excluded.saw) < (i.value, i.occurred, i.saw)
RETURNING member::text
""")
_KNOWN = text("SELECT DISTINCT member::text FROM identifier WHERE member = ANY (CAST(:members AS uuid[]))")
_TIED = text("""
SELECT unnest(array_agg(member))::text FROM identifier
WHERE field IN ('phone', 'email') AND value <> '' GROUP BY field, value HAVING count(DISTINCT member) > 1
UNION SELECT unnest(ARRAY[a, b])::text FROM identity_decision
UNION SELECT unnest(ARRAY[a, b])::text FROM identity_suggestion
UNION SELECT unnest(ARRAY[member, cluster])::text FROM customer_cluster
""")
_DECIDE = text("""
INSERT INTO identity_decision AS d (a, b, joined, occurred, event_id)
VALUES (CAST(:a AS uuid), CAST(:b AS uuid), :joined, :occurred, :id)
ON CONFLICT (a, b) DO UPDATE
SET joined = excluded.joined, occurred = excluded.occurred, event_id = excluded.event_id
WHERE (excluded.occurred, excluded.event_id) > (d.occurred, d.event_id)
RETURNING 1
""")
# The conditions are those of the index; of each value no more members are looked up than tell that it is of too many.
_HOLDERS = """
SELECT v.field, v.value, s.member::text AS member
FROM ({values}) AS v (field, value)
CROSS JOIN LATERAL (
    SELECT DISTINCT i.member FROM identifier i
    WHERE i.field = v.field AND i.value = v.value AND i.field IN ('phone', 'email') AND i.value <> ''
    ORDER BY i.member LIMIT :most
) s
"""
_HOLDERS_OF_VALUES = text(
    _HOLDERS.format(values="SELECT DISTINCT * FROM unnest(CAST(:fields AS text[]), CAST(:values AS text[]))")
)
_HOLDERS_OF_MEMBERS = text(
    _HOLDERS.format(
        values="""
    SELECT DISTINCT field, value FROM identifier
    WHERE member = ANY (CAST(:members AS uuid[])) AND field IN ('phone', 'email') AND value <> ''"""
    )
)
_LOCK_VALUES = text("""
SELECT count(pg_advisory_xact_lock(key)) FROM (
    SELECT DISTINCT hashtextextended('identifier/' || field || '/' || value, 0) AS key
    FROM unnest(CAST(:fields AS text[]), CAST(:values AS text[])) AS v (field, value) ORDER BY 1) k
""").bindparams(bindparam("fields"), bindparam("values"))

Holders = dict[Value, list[str]]
"""Number or address -> the members that ever had it, sorted; never more than ``MOST_SHARED`` + 1 of them."""


class Identifying(NamedTuple):
    """A claim by which a member is told from others, or found to be the same, with its value as it is compared."""

    member: str
    field: str
    id: str
    value: str
    saw: tuple[str, ...]
    occurred: datetime


def keep(session: Session, told: Iterable[Identifying]) -> set[str]:
    """Keep claims of locked members; gives the members of which something is new."""
    return set(session.scalars(_KEEP, {"rows": msgspec.json.encode([one._asdict() for one in told]).decode()}))


def keep_many(session: Session, told: Iterable[Identifying]) -> bool:
    """The same, when most of the members are new; gives whether something is."""
    claims: dict[tuple[str, ...], Identifying] = {}
    for one in told:
        other = claims.setdefault(one[:3], one)
        if other is not one:
            claims[one[:3]] = min(other, one, key=lambda c: (c.value, c.occurred, c.saw))
    members = {one.member for one in claims.values()}
    known = set(session.scalars(_KNOWN, {"members": text_array(sorted(members))}))
    rows = [(*one[:4], text_array(one.saw), one.occurred.isoformat()) for one in claims.values() if one[0] not in known]
    copy_texts(session, "identifier", Identifying._fields, rows)
    return bool(rows) | bool(known and keep(session, (one for one in claims.values() if one.member in known)))


def tied(session: Session) -> list[str]:
    """All members who may be the same customer as another one, or were, or who were found to be looked at."""
    return list(session.scalars(_TIED))


def holders_of(session: Session, values: Collection[Value], most: int = MOST_SHARED + 1) -> Holders:
    """Who ever had these values."""
    if not values:
        return {}
    return _holders(session.execute(_HOLDERS_OF_VALUES, {**_columns(values), "most": most}))


def holders_with(session: Session, members: Collection[str], most: int = MOST_SHARED + 1) -> Holders:
    """Who ever had the values that these members ever had."""
    return _holders(session.execute(_HOLDERS_OF_MEMBERS, {"members": sorted(members), "most": most}))


def lock_values(session: Session, values: Collection[Value]) -> None:
    """One transaction at a time counts who has these values, until its commit."""
    if values:
        session.execute(_LOCK_VALUES, _columns(values))


def values_of(session: Session, members: Collection[str]) -> set[Value]:
    """The numbers and addresses that these members ever had."""
    i = identifier.c
    of_them = select(i.field, i.value).where(i.member == any_of(members), i.field.in_(IDENTIFIERS), i.value != "")
    return {(field, value) for field, value in session.execute(of_them.distinct())}


def claims_of(session: Session, members: Collection[str]) -> dict[str, list[Claim]]:
    """The claims of each of the members, in the form in which they are compared."""
    i = identifier.c
    found: dict[str, list[Claim]] = {}
    rows = select(i.member, i.id, i.field, i.value, i.saw, i.occurred).where(i.member == any_of(sorted(members)))
    for member, id, name, value, saw, occurred in session.execute(rows):
        found.setdefault(member, []).append(Claim(id, name, value, tuple(saw), occurred, "", ""))
    return found


def decide(session: Session, one: Decision) -> bool:
    """Keep a decision, if it is newer than what is known of its pair; gives whether it is."""
    return session.scalar(_DECIDE, one._asdict()) is not None


def decisions_of(session: Session, members: Collection[str]) -> list[Decision]:
    """The standing decisions about any of the members."""
    d = identity_decision.c
    of_them = any_of(sorted(members))
    rows = session.execute(select(identity_decision).where(or_(d.a == of_them, d.b == of_them)).order_by(d.a, d.b))
    return [Decision(*row) for row in rows]


def suggest(session: Session, members: Collection[str], found: Mapping[Pair, str]) -> None:
    """What there is to look at of these members, instead of what there was: pair -> why."""
    s = identity_suggestion
    of_them = any_of(sorted(members))
    session.execute(s.delete().where(or_(s.c.a == of_them, s.c.b == of_them)))
    rows = [{**pair._asdict(), "why": why} for pair, why in sorted(found.items())]
    if rows:
        session.execute(upsert(s).on_conflict_do_nothing(), rows)


def forget(session: Session, members: Collection[str]) -> Counter[str]:
    """Delete what is kept of members; gives how many there were of each."""
    gone = identifier.delete().where(identifier.c.member == any_of(sorted(members)))
    return Counter(session.scalars(gone.returning(identifier.c.member)).all())


def _holders(rows: Iterable[tuple[str, str, str]]) -> Holders:
    found: Holders = {}
    for field, value, member in rows:
        found.setdefault((field, value), []).append(member)
    return {value: sorted(members) for value, members in found.items()}


def _columns(values: Collection[Value]) -> dict[str, list[str]]:
    ordered = sorted(values)
    return {"fields": [field for field, _ in ordered], "values": [value for _, value in ordered]}
