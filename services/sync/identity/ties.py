"""Why members are one customer, what people decided of them and when, and what another decision would lead to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.sync.identity import rules, tables
from services.sync.identity.handlers import closure
from services.sync.identity.reads import Other, others_of
from services.sync.identity.rules import MOST_SHARED, Decision
from services.sync.identity.tables import identity_decision
from shared.access.actions import Action
from shared.edge.errors import Conflict, Forbidden
from shared.pipeline import clusters, keys
from shared.pipeline.look import Look
from shared.pipeline.within import within_reach
from shared.texts import N_


class Said(msgspec.Struct, frozen=True):
    """A decision of a person, as it was said."""

    a: Other
    b: Other
    joined: bool
    at: datetime
    by: str
    """Empty where its event didn't come yet."""
    reason: str


class Tie(msgspec.Struct, frozen=True):
    """Two members of one customer, and what joins them."""

    a: Other
    b: Other
    because: str
    """``phone``, ``email`` or ``person``."""
    said: Said | None = None


class Preview(msgspec.Struct, frozen=True):
    """The customers that there would be after a decision, of those that it would change, as far as within reach."""

    groups: list[list[Other]]
    changes: bool
    """Whether any member would be of another customer than now."""


def ties(look: Look, member: str) -> list[Tie]:
    """What joins the members of a customer, as far as both ends are within reach. Raises ``Forbidden``."""
    session = look.session
    look.see(Action.CUSTOMER_READ, member)
    mates = [member, *clusters.others(session, member)]
    if len(mates) == 1:
        return []
    near = look.fields(Action.CUSTOMER_READ, mates)
    known = tables.claims_of(session, near)
    crowded = {value for value, of in tables.holders_with(session, near).items() if len(of) > MOST_SHARED}
    joins = [d for d in tables.decisions_of(session, near) if d.joined and d.a in near and d.b in near]
    said = {(one.a.customer, one.b.customer): one for one in _said(look, joins)}
    names = others_of(look, near)
    by_person = [Tie(one.a, one.b, "person", one) for one in said.values()]
    # That they have a number in common tells the number of the other to who sees one of them.
    by_match = [
        Tie(names[pair.a], names[pair.b], pair.because)
        for pair in sorted(rules.matches(known, crowded))
        if pair.because in near[pair.a] and pair.because in near[pair.b]
    ]
    return by_person + by_match


def decided(look: Look, limit: int = 20) -> list[Said]:
    """The newest decisions about members within reach. Raises ``Forbidden``."""
    look.need(Action.CUSTOMER_READ)
    d = identity_decision.c
    query = select(d.a, d.b, d.joined, d.occurred, d.event_id).order_by(d.occurred.desc(), d.a, d.b)

    def more(last: Any, size: int) -> Sequence[Any]:
        # Of what was decided at one instant some may be left out behind a page; it is a list of the newest only.
        rows = query if last is None else query.where(d.occurred < last.occurred)
        return look.session.execute(rows.limit(size)).all()

    kept = within_reach(look, Action.CUSTOMER_READ, more, lambda row: (row.a, row.b), limit)
    return _said(look, [Decision(*row) for row, _ in kept])


def preview(look: Look, member: str, other: str, *, joined: bool) -> Preview:
    """What a decision would lead to. Raises ``Forbidden``, and ``Conflict`` for erased members."""
    if member == other:
        raise Conflict(N_("a customer is the same as itself"))
    if len(look.fields(Action.IDENTITY_DECIDE, (member, other))) < 2:
        raise Forbidden(
            N_("one of these customers isn't among those for whom %(actor)s has identity.decide here"),
            actor=look.actor.id,
        )
    session = look.session
    a, b = sorted((member, other))
    if keys.erased(session, [a, b]):
        raise Conflict(N_("one of these customers was erased"))
    last = datetime.max.replace(tzinfo=look.now.tzinfo)
    before, after = _now_and(session, Decision(a, b, joined, last, ""))
    moved = {m for m in after if before[m] != after[m]}
    affected = {after[m] for m in moved} | {after[a], after[b]}
    groups = [sorted(m for m in after if after[m] == cluster) for cluster in sorted(affected)]
    shown = others_of(look, {m for group in groups for m in group})
    return Preview(
        [seen for group in groups if (seen := [shown[m] for m in group if m in shown])],
        bool(moved),
    )


def _now_and(session: Session, one: Decision) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Member -> cluster of all who are tied to the two: now, and with the decision too."""
    members, holders = closure(session, {one.a, one.b})
    gone = keys.erased(session, members)
    known = tables.claims_of(session, members - gone)
    crowded = {value for value, of in holders.items() if len(of) > MOST_SHARED}
    stand = [d for d in tables.decisions_of(session, members) if members >= {d.a, d.b} and not gone & {d.a, d.b}]
    others = [d for d in stand if (d.a, d.b) != (one.a, one.b)]
    before, after = (rules.same(members, known, decisions, crowded) for decisions in (stand, [*others, one]))
    return before.clusters, after.clusters


# By (stream, occurred), as the index has it; of several at one instant the event's id tells.
_WHO = text("""
SELECT i.event_id::text, i.author, convert_from(i.data, 'UTF8') AS data
FROM unnest(CAST(:streams AS text[]), CAST(:at AS timestamptz[]), CAST(:ids AS uuid[])) AS d (stream, at, id)
JOIN interaction i ON i.stream = d.stream AND i.occurred = d.at AND i.event_id = d.id
""")


def _said(look: Look, decisions: Collection[Decision]) -> list[Said]:
    if not decisions:
        return []
    names = others_of(look, {member for one in decisions for member in (one.a, one.b)})
    parameters = {
        "streams": [f"customer/{one.a}" for one in decisions],
        "at": [one.occurred for one in decisions],
        "ids": [one.id for one in decisions],
    }
    who = {id: (author, msgspec.json.decode(data)) for id, author, data in look.session.execute(_WHO, parameters)}
    found = []
    for one in decisions:
        by, data = who.get(one.id, ("", {}))
        found.append(Said(names[one.a], names[one.b], one.joined, one.occurred, by, str(data.get("reason", ""))))
    return found
