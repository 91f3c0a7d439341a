"""Who is the same customer, as pages and the API show it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import or_, select, tuple_
from sqlalchemy.orm import Session

from services.sync.identity import tables
from services.sync.identity.tables import identity_suggestion
from shared.customer.fold import Record
from shared.pipeline import clusters
from shared.pipeline.customer_tables import any_of, customer_record
from shared.pipeline.records import states_of

SHOWN = 20
"""Members that are shown of those who share a number with too many."""


class Other(msgspec.Struct, frozen=True):
    """Another member."""

    customer: str
    name: str


class Suggestion(msgspec.Struct, frozen=True, omit_defaults=True):
    """Members that a person may find to be the same customer."""

    customer: str
    name: str
    because: str
    """What they have in common: ``phone`` or ``email``."""
    why: str
    """Why it isn't so without a person: ``names`` differ, or too many have it (``crowded``)."""
    others: list[Other]
    """Whom it could be the same as; of a crowd nobody where all are listed, see the customer's own."""


class Decided(msgspec.Struct, frozen=True):
    """What a person decided of a member and another one."""

    other: Other
    joined: bool


class Identity(msgspec.Struct, frozen=True):
    """A customer's other members, what people decided, and what they may look at."""

    others: list[Other]
    decided: list[Decided]
    suggestions: list[Suggestion]


def identity(session: Session, member: str) -> Identity:
    """All of one member."""
    decided = tables.decisions_of(session, [member])
    s = identity_suggestion.c
    rows = session.execute(select(s.a, s.b, s.because, s.why).where(or_(s.a == member, s.b == member)))
    found = [(row.because, row.why, row.b if row.a == member else row.a) for row in rows]
    crowd = {because for because, why, _ in found if why == tables.CROWDED}
    near = tables.holders_with(session, [member], SHOWN + 1) if crowd else {}
    sharers = {because: _sharers(near, because, member) for because in crowd}
    others = clusters.others(session, member)
    names = names_of(
        session,
        {*others, member, *(other for _, _, other in found), *(m for of in sharers.values() for m in of)}
        | {one.b if one.a == member else one.a for one in decided},
    )

    def suggestion(because: str, why: str, other: str) -> Suggestion:
        of = sharers[because] if why == tables.CROWDED else [other]
        return Suggestion(member, names[member], because, why, [Other(m, names[m]) for m in of if m not in others])

    return Identity(
        [Other(other, names[other]) for other in others],
        [Decided(Other(o, names[o]), one.joined) for one in decided for o in [one.b if one.a == member else one.a]],
        [suggestion(*of) for of in sorted(found)],
    )


def suggestions(
    session: Session, why: str, after: tuple[str, str, str] | None, limit: int
) -> tuple[list[Suggestion], tuple[str, str, str] | None]:
    """What there is to look at, in the order of the members, and the place to go on from, if there is more."""
    s = identity_suggestion.c
    place = tuple_(s.a, s.b, s.because)
    query = select(s.a, s.b, s.because).where(s.why == why).order_by(s.a, s.b, s.because).limit(limit + 1)
    rows = session.execute(query.where(place > after) if after else query).all()
    names = names_of(session, {member for row in rows for member in (row.a, row.b)})
    found = [
        Suggestion(a, names[a], because, why, [Other(b, names[b])] if a != b else []) for a, b, because in rows[:limit]
    ]
    last = rows[limit - 1] if len(rows) > limit else None
    return found, (last.a, last.b, last.because) if last else None


def names_of(session: Session, members: Iterable[str]) -> dict[str, str]:
    """What to call each of the members; empty where no name is known."""
    c = customer_record.c
    wanted = sorted(set(members))
    rows = session.execute(select(c.member, c.states).where(c.member == any_of(wanted), c.registered.is_not(None)))
    known = {row.member: Record(states_of(row.states)).name for row in rows}
    return {member: known.get(member, "") for member in wanted}


def _sharers(near: tables.Holders, because: str, member: str) -> list[str]:
    """Who else has a number or address of the member that too many have."""
    of = {m for (field, _), holders in near.items() if field == because for m in holders if m != member}
    return sorted(of)[:SHOWN]
