"""Everything that fits some words, by kinds, as far as the actor may see it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Text, and_, cast, func, or_, select

from services.sync.customers import reads as customers
from services.sync.devices import reads as devices
from services.sync.devices.tables import device, feed_scope, territory, territory_rep
from services.sync.identity.reads import Other, others_of
from services.sync.search.rules import Meant, ids_between, meant
from services.sync.search.tables import thing
from shared.access.actions import Action, Reach
from shared.pipeline import records
from shared.pipeline.customer_tables import customer_record
from shared.pipeline.look import Look

MOST_IN_PLACE = 500
"""Things of one id that are looked at: more only if somebody gives the same one again and again."""


class Thing(msgspec.Struct, frozen=True):
    """A contact, case, order or note."""

    id: str
    kind: str
    source: str
    """The service that told of it first."""
    occurred: datetime
    customer: Other


class FoundDevice(msgspec.Struct, frozen=True):
    """A device, for who manages them."""

    device: str
    name: str
    rep: str
    heard: datetime | None
    revoked: datetime | None


class FoundTerritory(msgspec.Struct, frozen=True):
    """A territory that the actor looks after, or any for who sees all customers."""

    territory: str
    name: str
    reps: list[str]
    customers: int


class Everything(msgspec.Struct, frozen=True):
    """What was found."""

    customers: list[customers.Found]
    things: list[Thing]
    devices: list[FoundDevice]
    territories: list[FoundTerritory]

    @property
    def is_empty(self) -> bool:
        return not (self.customers or self.things or self.devices or self.territories)


def everything(look: Look, words: str, limit: int = 20) -> Everything:
    """What fits the words, of each kind no more than ``limit``; for no words the newest customers.

    Raises ``Forbidden``.
    """
    look.need(Action.CUSTOMER_READ)
    of = meant(words)
    if not words.strip():
        newest = customers.search(look, name="", phone="", email="", limit=limit)
        return Everything(newest, [], [], [])
    return Everything(
        _customers(look, of, limit), _things(look, of, limit), _devices(look, of, limit), _territories(look, of, limit)
    )


def _customers(look: Look, of: Meant, limit: int) -> list[customers.Found]:
    found = _by_id(look, of.id, limit) if of.id else []
    asked = {"name": of.name, "phone": of.phone, "email": of.email}
    for under, text in asked.items():
        if text and len(found) < limit:
            more = customers.search(look, **{**dict.fromkeys(asked, ""), under: text}, limit=limit)
            known = {one.customer for one in found}
            found += [one for one in more if one.customer not in known]
    return found[:limit]


def _by_id(look: Look, begin: str, limit: int) -> list[customers.Found]:
    between = ids_between(begin)
    if between is None:
        return []
    c = customer_record.c
    of_them = select(c.member, c.states).where(c.member.between(*between), c.registered.is_not(None))
    rows = look.session.execute(of_them.order_by(c.member).limit(limit)).all()
    shown = look.fields(Action.CUSTOMER_READ, [row.member for row in rows])
    look.saw_customers(shown)
    return [customers.found(records.of_row(row, shown[row.member])) for row in rows if row.member in shown]


def _things(look: Look, of: Meant, limit: int) -> list[Thing]:
    if not of.id or not look.may(Action.TIMELINE_READ):
        return []
    t = thing.c
    begins = t.id.like(of.id + "%")  # an id has no sign of a pattern in it
    rows = look.session.execute(select(thing).where(begins).order_by(t.id, t.kind, t.member).limit(MOST_IN_PLACE)).all()
    near = look.fields(Action.TIMELINE_READ, {row.member for row in rows})
    rows = [row for row in rows if row.member in near][:limit]
    look.saw_customers(row.member for row in rows)
    names = others_of(look, {row.member for row in rows}) if look.may(Action.CUSTOMER_READ) else {}
    return [
        Thing(row.id, row.kind, row.source, row.occurred, names.get(row.member) or Other(row.member, ""))
        for row in rows
    ]


def _devices(look: Look, of: Meant, limit: int) -> list[FoundDevice]:
    if not look.may(Action.DEVICE_MANAGE):
        return []
    d = device.c
    fits = _any([_has(d.name, of.name), _has(d.rep, of.name), cast(d.id, Text).like(of.id + "%") if of.id else None])
    if fits is None:
        return []
    chosen = select(d.id, d.name, d.rep, d.heard, d.revoked).where(fits)
    return [FoundDevice(*row) for row in look.session.execute(chosen.order_by(d.name, d.id).limit(limit))]


def _territories(look: Look, of: Meant, limit: int) -> list[FoundTerritory]:
    t, r, s = territory.c, territory_rep.c, feed_scope.c
    fits = _any([_has(t.name, of.name), _has(t.id, of.name)])
    if fits is None:
        return []
    if Reach.ALL not in look.grants.reaches(Action.CUSTOMER_READ):
        fits = fits & t.id.in_(devices.territories(look.session, look.actor.id))
    reps = select(func.array_agg(r.rep)).where(r.territory == t.id, r.stands).scalar_subquery()
    present = select(s.present).where(s.scope == "territory/" + t.id).scalar_subquery()
    chosen = select(t.id, t.name, reps, present).where(fits).order_by(t.name, t.id).limit(limit)
    return [
        FoundTerritory(id, name, sorted(reps or ()), present or 0)
        for id, name, reps, present in look.session.execute(chosen)
    ]


def _has(column: ColumnElement[str], words: str) -> ColumnElement[bool] | None:
    """Whether all the words stand in the column; there are few devices and territories."""
    if not words:
        return None
    return and_(*(func.lower(column).contains(word, autoescape=True) for word in words.split()))


def _any(conditions: Sequence[ColumnElement[bool] | None]) -> ColumnElement[bool] | None:
    given = [one for one in conditions if one is not None]
    return or_(*given) if given else None
