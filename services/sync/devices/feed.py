"""The feed: what devices are to know, item by item, worked out when it is due.

An item is the whole state of one customer as devices see it. It stands in the scope of the customer's territory, or in
nobody's; what becomes of a device's own mutations stands in a scope of that device. Positions of a scope are dense and
given under its row's lock, to what differs only: a device that reads on from its position misses nothing, and one that
starts anew has the same in the end. The digest of a scope says so.

The feed isn't derived: a rebuild leaves it, and when the past is read again only what came out otherwise gets a new
position. So no device starts over because a server was rebuilt.

While no device was ever enrolled there is nobody to know anything, and nothing is marked. The first one's enrolment
marks everybody: it waits for all that is being written without a mark.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from services.sync.devices import items, rules
from services.sync.devices.tables import feed_item, feed_scope
from shared.pipeline import due
from shared.pipeline.tasks import Item, Task
from shared.pipeline.work import Work

TASK = "feed"
"""Keys: members, ``device/ID/number`` for the mutations of devices, and ``EVERYBODY``."""
EVERYBODY = "*"

Place = tuple[str, str]
"""A scope and the key of an item in it."""

_DEVICE = "device/"


def awaited(session: Session) -> bool:
    """Whether there is a device, for which changes are to be marked. If not, the first can't come before the commit."""
    session.execute(_SHARED)
    return bool(session.scalar(_ANY))


def await_first(work: Work) -> None:
    """A device is being enrolled: if it is the first, everybody is due. To be called before anything is locked."""
    if not work.session.scalar(_ANY):
        work.session.execute(_ALONE)
        mark_everybody(work)


def mark(work: Work, members: Collection[str]) -> None:
    """The items of these customers may have changed."""
    if members and awaited(work.session):
        due.mark(work, TASK, members)


def mark_everybody(work: Work) -> None:
    """The items of all customers may have changed."""
    due.mark(work, TASK, [EVERYBODY])


def mark_mutations(work: Work, numbers: Iterable[Sequence[Any]]) -> None:
    """What became of these mutations (device, number) may have changed."""
    due.mark(work, TASK, (f"{_DEVICE}{device}/{number}" for device, number in numbers))


def run(work: Work, due_items: Sequence[Item]) -> Mapping[str, datetime]:
    """Bring the feed up to date for these keys."""
    keys = [item.key for item in due_items if item.key != EVERYBODY]
    if len(keys) < len(due_items):
        due.mark_found(work, TASK, _EVERYBODY)
    mutations = [_mutation(key) for key in keys if key.startswith(_DEVICE)]
    members = {key for key in keys if not key.startswith(_DEVICE)}
    # What a device wrote is in the customer's item before the device is told that it was decided.
    members |= items.members_of(work.session, mutations)
    homes = items.scopes_of(work.session, members)
    names = sorted(members | {items.key_of(number) for _, number in mutations})
    own = {rules.scope_of_device(device) for device, _ in mutations}
    scopes = lock(work.session, {*homes.values(), *own, *_scopes_with(work.session, members)} - {""})
    # Only now: whoever erases a customer takes the scope's lock too, after the record is gone.
    wanted = {(homes[m], m): body for m, body in items.customers(work.session, members).items() if homes[m]}
    wanted |= items.mutations(work.session, mutations)
    _write(work.session, scopes, names, wanted, of_devices=own)
    return {}


def forget(work: Work, members: Collection[str]) -> None:
    """Take customers out of every scope at once, with all that was written of them."""
    scopes = lock(work.session, _scopes_with(work.session, members))
    _write(work.session, scopes, sorted(members), {}, of_devices=set())


def lock(session: Session, scopes: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Lock these scopes, made where missing, to the end of the transaction; gives their rows."""
    wanted = sorted(scopes)
    if not wanted:
        return {}
    rows = [{"scope": scope, "epoch": str(uuid4()), "digest": rules.NO_DIGEST} for scope in wanted]
    session.execute(upsert(feed_scope).on_conflict_do_nothing(), rows)
    c = feed_scope.c
    found = session.execute(select(feed_scope).where(c.scope.in_(wanted)).order_by(c.scope).with_for_update())
    return {row["scope"]: dict(row) for row in found.mappings()}


def _mutation(key: str) -> tuple[str, int]:
    device, _, number = key.removeprefix(_DEVICE).partition("/")
    return device, int(number)


def _scopes_with(session: Session, keys: Collection[str]) -> set[str]:
    c = feed_item.c
    return set(session.scalars(select(c.scope).distinct().where(c.key.in_(keys), c.hash.is_not(None))))


def _write(
    session: Session,
    scopes: dict[str, dict[str, Any]],
    keys: Collection[str],
    wanted: Mapping[Place, str],
    *,
    of_devices: Collection[str],
) -> None:
    """Give new positions to what differs from ``wanted``, in locked scopes, for these keys.

    A mutation's key says nothing of which device's it is, so what isn't wanted in a device's scope stays.
    """
    c = feed_item.c
    here = select(c.scope, c.key, c.hash).where(c.scope.in_(scopes), c.key.in_(keys), c.hash.is_not(None))
    stands: dict[Place, bytes] = {(scope, key): bytes(hash) for scope, key, hash in session.execute(here)}
    hashes = {place: rules.digest_of(body) for place, body in wanted.items()}
    leaving = {place for place in stands.keys() - wanted.keys() if place[0] not in of_devices}
    changed = {place for place, hash in hashes.items() if stands.get(place) != hash}
    rows = []
    for place in sorted(leaving | changed):
        of, before, after = scopes[place[0]], stands.get(place), hashes.get(place)
        of["pos"] += 1
        of["present"] += (after is not None) - (before is not None)
        of["digest"] = rules.exclusive_or(of["digest"], before or rules.NO_DIGEST, after or rules.NO_DIGEST)
        rows.append({"scope": place[0], "key": place[1], "pos": of["pos"], "hash": after, "body": wanted.get(place)})
    if rows:
        new = upsert(feed_item)
        news = {name: new.excluded[name] for name in ("pos", "hash", "body")}
        session.execute(new.on_conflict_do_update(index_elements=["scope", "key"], set_=news), rows)
        moved = sorted({row["scope"] for row in rows})
        session.connection().execute(_MOVE, [{f"new_{k}": v for k, v in scopes[scope].items()} for scope in moved])


_SHARED = text("SELECT pg_advisory_xact_lock_shared(hashtextextended('feed awaited', 0))")
_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended('feed awaited', 0))")
_ANY = text("SELECT EXISTS (SELECT FROM device)")
_EVERYBODY = "SELECT member::text FROM customer_record WHERE registered IS NOT NULL"
_MOVE = (
    update(feed_scope)
    .where(feed_scope.c.scope == bindparam("new_scope"))
    .values(pos=bindparam("new_pos"), present=bindparam("new_present"), digest=bindparam("new_digest"))
)


def task() -> Task:
    """The feed's task."""
    return Task(TASK, run)
