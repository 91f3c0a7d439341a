"""The record of customers: the only writer of their rows, claims and search terms.

The order is always the same: rows of all members locked, sorted; then claims are written, read and folded. Two
writers that folded at the same time would lose one's update.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ARRAY, any_, cast, delete, select, text, update
from sqlalchemy.orm import Session

from services.callcenter.customers import rules
from services.callcenter.customers.tables import Id, claim, custom_field, customer, search_term
from shared.customer.claims import Claim, distinct
from shared.customer.fields import Field, InvalidField, UnknownField, field
from shared.customer.fold import FieldState, fold_field
from shared.pipeline.work import Work

Entry = tuple[str, Claim]
"""A member and a claim about it."""

_ADMIT = text("""
INSERT INTO customer (member, registered, changed)
SELECT member, registered, :now FROM unnest(CAST(:members AS uuid[]), CAST(:registered AS timestamptz[]))
  AS r (member, registered) ORDER BY member
ON CONFLICT (member) DO UPDATE SET registered = excluded.registered
  WHERE customer.registered IS NULL AND excluded.registered IS NOT NULL
""")

# Of different claims with one id the lesser stands, as shared/customer has it: what is erased stays erased.
_KEEP = text("""
INSERT INTO claim AS c (member, field, id, value, saw, occurred, source, author)
SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r
  (member uuid, field text, id text, value text, saw text[], occurred timestamptz, source text, author text)
ON CONFLICT (member, field, id) DO UPDATE SET (value, saw, occurred, source, author)
  = (excluded.value, excluded.saw, excluded.occurred, excluded.source, excluded.author)
  WHERE (excluded.value, excluded.occurred, excluded.source, excluded.author, excluded.saw)
      < (c.value, c.occurred, c.source, c.author, c.saw)
""")

_READ = text("""
SELECT c.member::text, c.id, c.field, c.value, c.saw, c.occurred, c.source, c.author
FROM unnest(CAST(:members AS uuid[]), CAST(:fields AS text[])) AS t (member, field)
JOIN claim c ON c.member = t.member AND c.field = t.field COLLATE "C"
""")

_SAVE = text("""
UPDATE customer SET states = customer.states || r.states, changed = :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (member uuid, states jsonb)
WHERE customer.member = r.member
""")

_ERASE = text("""
UPDATE customer SET states = '{}', erased = coalesce(customer.erased, r.at), changed = :now
FROM unnest(CAST(:members AS uuid[]), CAST(:at AS timestamptz[])) AS r (member, at)
WHERE customer.member = r.member
""")

_FIND_BY = text("""
INSERT INTO search_term (kind, term, member)
SELECT * FROM unnest(CAST(:kinds AS text[]), CAST(:terms AS text[]), CAST(:members AS uuid[]))
""")


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """A folded field as it is stored: without its ledger, which the claims give again."""

    value: str | tuple[str, ...]
    heads: dict[str, tuple[str, ...]] = {}
    open: tuple[str, ...] = ()


@dataclass
class Held:
    """A member whose row this transaction has locked."""

    member: str
    states: dict[str, FieldState]
    erased: bool = False

    @property
    def values(self) -> dict[str, str | tuple[str, ...]]:
        return {name: state.value for name, state in self.states.items()}


def members_in(members: Iterable[str]) -> Any:
    """``= ANY (members)``: one parameter, however many there are."""
    return any_(cast(list(members), ARRAY(Id)))


def admit(work: Work, members: Mapping[str, datetime | None]) -> None:
    """Make rows for members that have none; each with when it was registered, as far as known."""
    wanted = sorted(members)
    parameters = {"members": wanted, "registered": [members[m] for m in wanted], "now": work.now}
    work.session.execute(_ADMIT, parameters)


def hold(work: Work, members: Iterable[str]) -> dict[str, Held]:
    """Lock the members' rows until the commit; those that don't exist are left out."""
    rows = work.session.execute(
        select(customer.c.member, customer.c.states, customer.c.erased)
        .where(customer.c.member == members_in(sorted(set(members))))
        .order_by(customer.c.member)
        .with_for_update()
    )
    return {row.member: Held(row.member, states_of(row.states), row.erased is not None) for row in rows}


def hold_steady(session: Session, members: Iterable[str]) -> dict[str, bool]:
    """Keep the members from being erased until the commit: member -> whether it is erased already."""
    rows = session.execute(
        select(customer.c.member, customer.c.erased)
        .where(customer.c.member == members_in(sorted(set(members))))
        .order_by(customer.c.member)
        .with_for_update(read=True)
    )
    return {row.member: row.erased is not None for row in rows}


def states_of(stored: Mapping[str, Any]) -> dict[str, FieldState]:
    """Stored states as shared/customer has them."""
    kept = msgspec.convert(stored, dict[str, State])
    return {name: FieldState(name, s.value, s.heads, s.open) for name, s in kept.items()}


def custom_fields(session: Session) -> dict[str, Field]:
    """The described fields of departments, by name."""
    rows = session.execute(
        select(custom_field.c.name, custom_field.c.label, custom_field.c.kind, custom_field.c.policy)
    )
    found = {}
    for name, label, kind, policy in rows:
        try:
            found[name] = msgspec.convert({"name": name, "label": label, "kind": kind, "policy": policy}, Field)
        except (InvalidField, msgspec.ValidationError):
            # A newer publisher's kind or policy: until this release knows it, a text.
            continue
    return found


def share_definitions(work: Work) -> None:
    """Keep the definitions of custom fields as they are until the commit."""
    work.session.execute(text("SELECT pg_advisory_xact_lock_shared(hashtext('custom_field'))"))


def change_definitions(work: Work) -> None:
    """Wait until nobody folds by the definitions of custom fields, and keep everybody from it."""
    work.session.execute(text("SELECT pg_advisory_xact_lock(hashtext('custom_field'))"))


def add(work: Work, held: Mapping[str, Held], entries: Iterable[Entry]) -> None:
    """Keep claims of held members, fold the fields they touch, and bring search terms up to date."""
    claims: dict[tuple[str, str], list[Claim]] = {}
    for member, made in entries:
        if member in held:
            claims.setdefault((member, made.field), []).append(made)
    if not claims:
        return
    rows = [_row(held[m], made) for (m, _), given in claims.items() for made in distinct(given).values()]
    work.session.execute(_KEEP, {"rows": _encoded(rows)})
    for pair in [pair for pair in claims if held[pair[0]].erased]:
        del claims[pair]
    # A field that has no state yet has no other claims than these.
    for member, made in _read(work, {(m, name) for m, name in claims if name in held[m].states}):
        claims[member, made.field].append(made)
    _fold(work, held, claims)


def refold(work: Work, held: Mapping[str, Held], name: str) -> None:
    """Fold one field of held members again, as its description has changed."""
    pairs = {(member, name) for member, of in held.items() if not of.erased}
    claims: dict[tuple[str, str], list[Claim]] = {}
    for member, made in _read(work, pairs):
        claims.setdefault((member, made.field), []).append(made)
    _fold(work, held, claims)


def claimed(session: Session, name: str) -> list[str]:
    """The members of whom a field is claimed."""
    return list(session.scalars(select(claim.c.member).where(claim.c.field == name).distinct()))


def _row(of: Held, made: Claim) -> dict[str, Any]:
    value = "" if of.erased else made.value
    return {**msgspec.structs.asdict(made), "value": value, "member": of.member}


def _encoded(rows: object) -> str:
    return msgspec.json.encode(rows).decode()


def _read(work: Work, pairs: set[tuple[str, str]]) -> list[Entry]:
    if not pairs:
        return []
    ordered = sorted(pairs)
    rows = work.session.execute(_READ, {"members": [m for m, _ in ordered], "fields": [f for _, f in ordered]})
    return [(row[0], Claim(row[1], row[2], row[3], tuple(row[4]), *row[5:])) for row in rows]


def _fold(work: Work, held: Mapping[str, Held], claims: Mapping[tuple[str, str], list[Claim]]) -> None:
    changed: dict[str, dict[str, State]] = {}
    custom: dict[str, Field] = {}
    if any(name.startswith("custom.") for _, name in claims):
        share_definitions(work)
        custom = custom_fields(work.session)
    for (member, name), of_field in sorted(claims.items()):
        try:
            state = fold_field(field(name, custom), of_field)
        except UnknownField:
            continue  # A newer publisher's: the claims are kept, and folded once this release knows the field.
        held[member].states[name] = state
        changed.setdefault(member, {})[name] = State(state.value, state.heads, state.open)
    if not changed:
        return
    rows = [{"member": member, "states": states} for member, states in changed.items()]
    work.session.execute(_SAVE, {"rows": _encoded(rows), "now": work.now})
    _index(work, [held[member] for member, states in changed.items() if rules.mentions(states)])
    work.touch(*(f"customer/{member}" for member in changed))


def _index(work: Work, members: list[Held]) -> None:
    if not members:
        return
    forget_terms(work, [of.member for of in members])
    rows = [(kind, term, of.member) for of in members for kind, term in sorted(rules.terms(of.values))]
    if rows:
        kinds, terms, names = zip(*rows, strict=True)
        work.session.execute(_FIND_BY, {"kinds": list(kinds), "terms": list(terms), "members": list(names)})


def forget_terms(work: Work, members: Iterable[str]) -> None:
    """Make members not to be found any more."""
    work.session.execute(delete(search_term).where(search_term.c.member == members_in(members)))


def found(session: Session, kind: str, term: str, limit: int = 20) -> list[str]:
    """Members with exactly this phone number or e-mail address, the first registered first."""
    return list(
        session.scalars(
            select(search_term.c.member)
            .where(search_term.c.kind == kind, search_term.c.term == term)
            .order_by(search_term.c.member)
            .limit(limit)
        )
    )


def forget(work: Work, gone: Mapping[str, datetime]) -> None:
    """Empty the record and the claims of held members; ``gone`` says since when they are erased."""
    members = sorted(gone)
    at = {"members": members, "at": [gone[m] for m in members], "now": work.now}
    work.session.execute(_ERASE, at)
    work.session.execute(update(claim).where(claim.c.member == members_in(members)).values(value=""))
    forget_terms(work, members)
