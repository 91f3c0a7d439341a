"""Who is the same customer, as pages and the API show it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import or_, select, tuple_

from services.sync.identity import tables
from services.sync.identity.tables import identity_suggestion
from shared.access.actions import Action
from shared.customer.fields import BUILT_IN
from shared.customer.fold import Record
from shared.pipeline import clusters
from shared.pipeline.customer_tables import any_of, customer_record
from shared.pipeline.look import Look
from shared.pipeline.records import NAME_FIELDS, states_of
from shared.pipeline.within import within_reach

Value = str | tuple[str, ...]
_ORDER = {name: place for place, name in enumerate(BUILT_IN)}
SHOWN = 20
"""Members that are shown of those who share a number with too many."""


class Other(msgspec.Struct, frozen=True, omit_defaults=True):
    """Another member."""

    customer: str
    name: str
    masked: tuple[str, ...] = ()
    """``name``, if there is none because it isn't shown to this reader."""


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
    masked: tuple[str, ...] = ()
    """``name``, if there is none because it isn't shown to this reader."""


class Decided(msgspec.Struct, frozen=True):
    """What a person decided of a member and another one."""

    other: Other
    joined: bool


class Identity(msgspec.Struct, frozen=True):
    """A customer's other members, what people decided, and what they may look at."""

    others: list[Other]
    decided: list[Decided]
    suggestions: list[Suggestion]


def identity(look: Look, member: str) -> Identity:
    """All of one member, as far as it is about others within reach. Raises ``Forbidden``."""
    seen, session = look.see(Action.CUSTOMER_READ, member), look.session
    decided = tables.decisions_of(session, [member])
    s = identity_suggestion.c
    rows = session.execute(select(s.a, s.b, s.because, s.why).where(or_(s.a == member, s.b == member)))
    # That they have a number in common tells the number of the other to who sees one of them.
    found = [(row.because, row.why, row.b if row.a == member else row.a) for row in rows if row.because in seen]
    crowd = {because for because, why, _ in found if why == tables.CROWDED}
    near = tables.holders_with(session, [member], SHOWN + 1) if crowd else {}
    sharers = {because: _sharers(near, because, member) for because in crowd}
    mates = clusters.others(session, member)
    pairs = [(one.b if one.a == member else one.a, one.joined) for one in decided]
    wanted = {member, *mates, *(o for _, _, o in found), *(m for of in sharers.values() for m in of)}
    shown = look.fields(Action.CUSTOMER_READ, wanted.union(other for other, _ in pairs))
    others = others_of(look, shown)

    def suggestion(because: str, why: str, other: str) -> Suggestion:
        of = sharers[because] if why == tables.CROWDED else [other]
        visible = [others[m] for m in of if m in shown and because in shown[m] and m not in mates]
        return Suggestion(member, others[member].name, because, why, visible)

    suggested = [suggestion(*of) for of in sorted(found)]
    return Identity(
        [others[other] for other in mates if other in shown],
        [Decided(others[other], joined) for other, joined in pairs if other in shown],
        [one for one in suggested if one.others or one.why == tables.CROWDED],
    )


def suggestions(
    look: Look, why: str, after: tuple[str, str, str] | None, limit: int
) -> tuple[list[Suggestion], tuple[str, str, str] | None]:
    """What there is to look at between members within reach, in the order of the members, and the place to go on from,
    if there is more. Raises ``Forbidden``."""
    look.need(Action.CUSTOMER_READ)
    s = identity_suggestion.c
    query = select(s.a, s.b, s.because).where(s.why == why).order_by(s.a, s.b, s.because)

    def more(last: Any, size: int) -> Sequence[Any]:
        start = after if last is None else tuple(last)
        rows = query.where(tuple_(s.a, s.b, s.because) > start) if start else query
        return look.session.execute(rows.limit(size)).all()

    kept = within_reach(
        look,
        Action.CUSTOMER_READ,
        more,
        lambda row: (row.a, row.b),
        limit + 1,
        shown=lambda row, fields: row.because in fields,
    )
    rows = [row for row, _ in kept]
    others = others_of(look, {member for row in rows[:limit] for member in (row.a, row.b)})
    found = [
        Suggestion(a, others[a].name, because, why, [others[b]] if a != b else [], others[a].masked)
        for a, b, because in rows[:limit]
    ]
    last = rows[limit - 1] if len(rows) > limit else None
    return found, (last.a, last.b, last.because) if last else None


def others_of(look: Look, members: Iterable[str]) -> dict[str, Other]:
    """Those of the members that are within reach, with what to call each of them; empty where no name is known."""
    shown = look.fields(Action.CUSTOMER_READ, sorted(set(members)))
    if not shown:
        return {}
    look.saw_customers(shown)
    c = customer_record.c
    rows = look.session.execute(
        select(c.member, c.states).where(c.member == any_of(sorted(shown)), c.registered.is_not(None))
    )
    found = {member: Other(member, "") for member in shown}
    for member, stored in rows:
        states, masked = shown[member].mask(states_of(stored))
        name = Record(states).name
        is_hidden = not name and any(field in masked for field in NAME_FIELDS)
        found[member] = Other(member, name, ("name",) if is_hidden else ())
    return found


class Beside(msgspec.Struct, frozen=True):
    """Two members beside each other, as far as the reader may see them."""

    names: tuple[Other, Other]
    rows: list[tuple[str, tuple[Value, Value], tuple[bool, bool]]]
    """Field, what each says (empty: nothing), and whether it isn't shown."""


def beside(look: Look, pair: tuple[str, str]) -> Beside:
    """The fields of two members within reach. Raises ``Forbidden``."""
    names, c = others_of(look, pair), customer_record.c
    shown = look.fields(Action.CUSTOMER_READ, pair)
    stored = select(c.member, c.states).where(c.member == any_of(pair), c.registered.is_not(None))
    states = {row.member: shown[row.member].mask(states_of(row.states)) for row in look.session.execute(stored)}
    said = [states.get(member, ({}, [])) for member in pair]
    fields = sorted({name for of, masked in said for name in (*of, *masked)}, key=in_order)

    def value(which: int, name: str) -> Value:
        state = said[which][0].get(name)
        return state.value if state else ""

    rows = [
        (name, (value(0, name), value(1, name)), (name in said[0][1], name in said[1][1]))
        for name in fields
        if value(0, name) or value(1, name) or any(name in masked for _, masked in said)
    ]
    return Beside((names[pair[0]], names[pair[1]]), rows)


def in_order(name: str) -> tuple[int, str]:
    """The place of a field among others, as people have them."""
    return _ORDER.get(name, len(_ORDER)), name


def _sharers(near: tables.Holders, because: str, member: str) -> list[str]:
    """Who else has a number or address of the member that too many have."""
    of = {m for (field, _), holders in near.items() if field == because for m in holders if m != member}
    return sorted(of)[:SHOWN]
