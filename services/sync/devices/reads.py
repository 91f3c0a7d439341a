"""What is known of territories, devices, their feed and their quarantine."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import exists, func, select, text
from sqlalchemy.orm import Session

from services.sync.devices import masks, rules
from services.sync.devices.tables import (
    device,
    device_scope,
    feed_item,
    feed_scope,
    member_order,
    mutation,
    sales_force,
    territory,
    territory_rep,
)
from shared.access.grants import ALL_FIELDS, Fields
from shared.edge.errors import Forbidden, NotFound
from shared.pipeline.tables import ended_session, parked_stream
from shared.texts import N_, Text

MOST = 500
"""Rows in one answer to a pull."""


class Scope(msgspec.Struct, frozen=True):
    """A part of the feed that a device follows."""

    scope: str
    name: str


class Row(msgspec.Struct, frozen=True):
    """One item; ``body`` is its JSON as a text, of which the hash is taken, or none for an item that left."""

    key: str
    pos: int
    body: str | None


class Checkpoint(msgspec.Struct, frozen=True):
    """What a device that has read so far must have of the scope."""

    epoch: str
    pos: int
    count: int
    digest: str
    """Hexadecimal: the exclusive or of the SHA-256 of all present bodies."""


class Pulled(msgspec.Struct, frozen=True):
    """An answer to a pull."""

    scopes: list[Scope]
    """All that the device follows now; of others it drops the rows."""
    scope: str = ""
    epoch: str = ""
    start_over: bool = False
    """The rows begin from nothing: the device drops those that it has of this scope."""
    rows: list[Row] = []
    checkpoint: Checkpoint | None = None
    """None: there is more, after the position of the last row."""
    turn: int = 0
    """What the device is to sign its next request for."""


class Device(msgspec.Struct, frozen=True):
    """A device as operators see it."""

    device: str
    rep: str
    name: str
    enrolled: datetime
    revoked: datetime | None
    reason: str
    readmitted: bool
    """An operator lets the rep renew it."""
    number: int
    """Of its last mutation."""
    heard: datetime | None
    lag: int
    """Changes of its scopes that it hasn't said to have."""
    waiting: int = 0
    """Orders that it handed in and nobody has decided yet."""
    aside: int = 0
    """What it handed in and was set aside for a person to look at."""


class Quarantined(msgspec.Struct, frozen=True):
    """What was set aside for a person to look at."""

    device: str
    rep: str
    number: int
    kind: str
    customer: str | None
    made: datetime
    received: datetime
    reason: str
    """``revoked`` or ``territory``."""
    content: Any
    masked: list[str]
    """What of the content isn't shown."""


def owned(session: Session) -> bool:
    """Whether there is somebody who decides about orders: sales force automation was heard of, and hasn't left."""
    return bool(session.scalar(select(exists().where(sales_force.c.left.is_(None)))))


def divided(session: Session) -> bool:
    """Whether territories hold: somebody was once assigned to one. They hold on when sales force automation leaves."""
    return bool(session.scalar(select(exists().select_from(territory_rep))))


def territories(session: Session, rep: str) -> list[str]:
    """The territories that a rep looks after now.

    One of which an event waits for a person (a parked stream) is none of them, with what is below it: what waits may be
    that he looks after it no longer.
    """
    return rules.scopes(rep, *_territories(session))


def _territories(session: Session) -> tuple[Collection[str], Mapping[str, str], Mapping[str, Collection[str]]]:
    """The territories of which no event waits, their parents, and who looks after each."""
    told = set(session.scalars(select(parked_stream.c.stream).where(parked_stream.c.stream.startswith("territory/"))))
    parked = {stream.removeprefix("territory/") for stream in told}
    rows = session.execute(select(territory.c.id, territory.c.parent))
    parents = {id: parent for id, parent in rows if id not in parked}
    reps: dict[str, set[str]] = {}
    c = territory_rep.c
    for where, who in session.execute(select(c.territory, c.rep).where(c.stands, c.territory.not_in(parked))):
        reps.setdefault(where, set()).add(who)
    return parents, parents, reps


def scopes(session: Session, of: Any) -> list[Scope]:
    """What a device (a row) follows now: its own first, so that what is told as decided is in the others already."""
    own = Scope(rules.scope_of_device(of.id), of.name)
    if not divided(session):
        return [own, Scope(rules.EVERYTHING, "")]
    names = dict(map(tuple, session.execute(select(territory.c.id, territory.c.name))))
    mine = territories(session, of.rep)
    return [own, *(Scope(rules.scope_of_territory(one), names.get(one, "")) for one in mine)]


def device_of(session: Session, id: str, rep: str, *, lock: bool = False) -> Any:
    """A device, for its rep; with ``lock`` to the end of the transaction. Raises ``NotFound`` and ``Forbidden``."""
    chosen = select(device).where(device.c.id == id)
    found = session.execute(chosen.with_for_update() if lock else chosen).one_or_none()
    if found is None:
        raise NotFound(N_("there is no such device; enrol it"))
    if found.rep != rep:
        raise Forbidden(N_("this is another rep's device"))
    return found


def known(session: Session, id: str) -> Any:
    """A device; none if there is no such one."""
    return session.execute(select(device).where(device.c.id == id)).one_or_none()


def locked(session: Session, id: str) -> Any:
    """A device, locked to the end of the transaction. Raises ``NotFound``."""
    found = session.execute(select(device).where(device.c.id == id).with_for_update()).one_or_none()
    if found is None:
        raise NotFound(N_("there is no such device"))
    return found


def ended(session: Session, of: Any) -> bool:
    """Whether all sessions of a device's rep were ended after the device (a row) got its key."""
    e = ended_session.c
    everywhere = exists().where(e.subject == of.rep, e.session.is_(None), e.at >= (of.renewed or of.enrolled))
    return bool(session.scalar(select(everywhere)))


def refuse_revoked(of: Any) -> None:
    """Raises ``Forbidden`` for a device (a row) that was revoked."""
    if of.revoked is not None:
        raise Forbidden(
            N_("this device was revoked (%(reason)s); what it still has to say it may push"),
            reason=Text(rules.REASONS.get(of.reason, of.reason)),
        )


def pull(session: Session, of: Any, shown: Fields, scope: str, after: int, epoch: str, limit: int) -> Pulled:
    """What changed in a scope after a position, or, without a scope, only which there are.

    ``shown``: the fields of customers that the device may have. To be read in one snapshot. Raises ``Forbidden`` for a
    scope that the rep doesn't look after.
    """
    follows = scopes(session, of)
    if not scope:
        return Pulled(follows)
    if scope not in {one.scope for one in follows}:
        raise Forbidden(
            N_("%(scope)s isn't among the scopes of this device now; pull without a scope to see which are"),
            scope=scope,
        )
    at = session.execute(select(feed_scope).where(feed_scope.c.scope == scope)).one_or_none()
    if at is None:
        return Pulled(follows, scope, "", bool(epoch), [], Checkpoint("", 0, 0, rules.NO_DIGEST.hex()))
    if scope == rules.scope_of_device(of.id):
        shown = ALL_FIELDS  # what became of its own mutations
    known = masks.epoch_of(at.epoch, shown)
    over = known != epoch or after > at.pos
    begin = 0 if over else after
    c = feed_item.c
    chosen = select(c.key, c.pos, c.body).where(c.scope == scope, c.pos > begin).order_by(c.pos).limit(limit + 1)
    # Who has nothing needs no word about what left.
    found = session.execute(chosen if begin else chosen.where(c.body.is_not(None))).all()
    more = len(found) > limit
    rows = [Row(row.key, row.pos, row.body and _masked(row.body, shown)) for row in found[:limit]]
    end = None if more else Checkpoint(known, at.pos, *_present(session, at, shown))
    return Pulled(follows, scope, known, over, rows, end)


def _masked(body: str, shown: Fields) -> str:
    return body if shown.all else masks.masked(body, shown)


def _present(session: Session, at: Any, shown: Fields) -> tuple[int, str]:
    """How many items a scope (a row) has, and their digest."""
    if shown.all:
        return at.present, at.digest.hex()
    c = feed_item.c
    bodies = select(c.body).where(c.scope == at.scope, c.body.is_not(None)).execution_options(yield_per=MOST)
    return masks.checkpoint(session.scalars(bodies), shown)


def devices(session: Session) -> list[Device]:
    """All devices, with how far they are behind; the newest first."""
    heads = dict(map(tuple, session.execute(select(feed_scope.c.scope, feed_scope.c.pos))))
    s = device_scope.c
    have = {(id, scope): pos for id, scope, pos in session.execute(select(s.device, s.scope, s.pos))}
    rows = session.execute(select(device).order_by(device.c.enrolled.desc(), device.c.id)).all()
    followed = _followed(session, {row.rep for row in rows})
    waits, aside = _undecided(session), _set_aside(session)

    def lag(row: Any) -> int:
        of_it = [rules.scope_of_device(row.id), *followed[row.rep]]
        return sum(max(0, heads.get(scope, 0) - have.get((row.id, scope), 0)) for scope in of_it)

    return [
        Device(
            row.id,
            row.rep,
            row.name,
            row.enrolled,
            row.revoked,
            row.reason,
            row.readmitted,
            row.number,
            row.heard,
            lag(row),
            waits.get(row.id, 0),
            aside.get(row.id, 0),
        )
        for row in rows
    ]


def _followed(session: Session, reps: Collection[str]) -> dict[str, list[str]]:
    """The scopes that the devices of these reps follow besides their own."""
    if not divided(session):
        return {rep: [rules.EVERYTHING] for rep in reps}
    known = _territories(session)
    return {rep: [rules.scope_of_territory(one) for one in rules.scopes(rep, *known)] for rep in reps}


def _undecided(session: Session) -> dict[str, int]:
    """Device -> how many of its orders nobody has decided."""
    m, o = mutation.c, member_order.c
    decided = exists().where(o.member == m.member, o.order == m.thing)
    # The conditions are those of the index.
    waits = (m.kind == "order", text("state IN ('stored', 'no_owner_yet')"), ~decided)
    return dict(map(tuple, session.execute(select(m.device, func.count()).where(*waits).group_by(m.device))))


def _set_aside(session: Session) -> dict[str, int]:
    m = mutation.c
    query = select(m.device, func.count()).where(m.state == rules.QUARANTINED).group_by(m.device)
    return dict(map(tuple, session.execute(query)))


def quarantine(session: Session, shown: Fields, limit: int = 200) -> list[Quarantined]:
    """What was set aside, the oldest first. ``shown``: the fields of customers that whoever looks may see."""
    m = mutation.c
    chosen = (
        select(mutation, device.c.rep)
        .join(device, device.c.id == m.device)
        .where(m.state == rules.QUARANTINED)
        .order_by(m.received, m.device, m.number)
        .limit(limit)
    )
    return [
        Quarantined(
            row.device,
            row.rep,
            row.number,
            row.kind,
            row.member,
            row.made,
            row.received,
            row.reason,
            *masks.content(msgspec.json.decode(row.content), shown),
        )
        for row in session.execute(chosen)
    ]


def waiting(session: Session) -> int:
    """How many mutations are set aside."""
    return int(session.scalar(select(func.count()).where(mutation.c.state == rules.QUARANTINED)) or 0)
