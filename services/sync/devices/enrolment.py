"""Devices are enrolled, renewed, met again and again, and revoked: by people, or because there are two of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select, update

from services.sync.devices import feed, reads, rules
from services.sync.devices.rules import COPIED, REASONS
from services.sync.devices.signatures import RENEW, Said
from services.sync.devices.tables import device, device_turn
from shared.access.actions import Action
from shared.edge.actor import Actor
from shared.edge.errors import Conflict, Forbidden, Unauthenticated
from shared.events.envelope import new_id
from shared.events.sync import DeviceEnrolled, DeviceRevoked
from shared.pipeline.work import Work
from shared.texts import N_, Text

FIRST_TURN = 1


@dataclass(frozen=True)
class Signed:
    """A device that has signed a request: who that is, by which key, and what it said."""

    actor: Actor
    key: str
    said: Said


def actor_of(found: Any) -> Actor:
    """Who acts through a device (a row): its rep, with the roles that it was given with its key."""
    roles, teams = frozenset(found.roles), frozenset(found.teams)
    return Actor(found.rep, roles=roles, teams=teams, origin=f"device/{found.id}")


def enrol(work: Work, name: str, key: str) -> dict[str, Any]:
    """A rep's new device; ``key``: the public one that it has made. Raises ``Forbidden``."""
    work.need(Action.DEVICE_ENROL)
    feed.await_first(work)
    id = new_id()
    row = {"id": id, "rep": work.actor.id, "name": name, "enrolled": work.now, "made": work.now}
    work.session.execute(device.insert(), row | {"turn": FIRST_TURN} | _credentials(work, key))
    work.publish(f"device/{id}", DeviceEnrolled(device=id, rep=work.actor.id))
    return {"device": id, "turn": FIRST_TURN}


def renew(work: Work, id: str, key: str, answered: int = 0) -> dict[str, Any]:
    """A known device gets another key and its rep's roles of now; its numbers go on after ``number``.

    ``answered``: the last number that it had an answer to, more than is known here after a restore. What came under the
    numbers between can't come again, and what followed from it is in the log.

    Raises ``NotFound``, ``Conflict`` for a key that it has lost, and ``Forbidden`` for another rep's device and for a
    revoked one that no operator has readmitted.
    """
    work.need(Action.DEVICE_ENROL)
    found = reads.device_of(work.session, id, work.actor.id, lock=True)
    if found.revoked is not None and not found.readmitted:
        raise Forbidden(
            N_("this device was revoked (%(reason)s); an operator can let you renew it"),
            reason=Text(REASONS.get(found.reason, found.reason)),
        )
    if found.key != key:
        found = _renewed(work, found, key, answered)
    elif found.revoked is not None:
        raise Conflict(N_("the key is the one that was revoked; the device has to make another"))
    # Else the answer was lost, and is given again.
    return {"device": id, "turn": found.turn, "number": found.number}


def _renewed(work: Work, found: Any, key: str, answered: int) -> Any:
    work.session.execute(delete(device_turn).where(device_turn.c.device == found.id))
    values = {"turn": found.turn + 1, "renewed": work.now, "revoked": None, "reason": "", "readmitted": False}
    values["number"] = max(found.number, answered)
    changing = update(device).where(device.c.id == found.id).values(values | _credentials(work, key))
    former = {"roles": found.roles, "teams": found.teams, "reason": found.reason}
    work.publish(f"device/{found.id}", DeviceEnrolled(device=found.id, rep=work.actor.id), former=former)
    return work.session.execute(changing.returning(device)).one()


def _credentials(work: Work, key: str) -> dict[str, Any]:
    return {"key": key, "roles": sorted(work.actor.roles), "teams": sorted(work.actor.teams)}


def meet(work: Work, signed: Signed) -> tuple[Any, int]:
    """A device has come: its row, locked to the end of the transaction, and the turn that it may use next.

    One that turns out to be a copy comes back revoked; the caller commits that. Raises ``Unauthenticated`` and
    ``Conflict``.
    """
    said = signed.said
    found = reads.locked(work.session, said.device)
    if found.key != signed.key:
        raise Unauthenticated(N_("the device has got another key just now; %(renew)s"), renew=RENEW)
    if found.revoked is not None:
        return found, said.turn  # nothing depends on turns any more
    if reads.ended(work.session, found):
        raise Unauthenticated(N_("all sessions of the rep were ended since; %(renew)s"), renew=RENEW)
    t = device_turn.c
    used = work.session.scalar(select(t.request).where(t.device == said.device, t.turn == said.turn))
    match rules.met(said.turn, said.request, found.turn, used):
        case "next":
            _use(work, said)
            return found, said.turn + 1
        case "again":
            return found, found.turn
        case "copied":
            _revoke(work, said.device, COPIED)
            return reads.locked(work.session, said.device), said.turn
        case "late":
            raise Conflict(N_("this request was answered long ago; the device has gone on since"))
        case "ahead":
            raise Unauthenticated(
                N_("this turn was never given: an earlier state was restored here; %(renew)s"), renew=RENEW
            )


def _use(work: Work, said: Said) -> None:
    t = device_turn.c
    row = {"device": said.device, "turn": said.turn, "request": said.request}
    work.session.execute(device_turn.insert(), row)
    work.session.execute(delete(device_turn).where(t.device == said.device, t.turn <= said.turn - rules.KEPT_TURNS))
    work.session.execute(update(device).where(device.c.id == said.device).values(turn=said.turn + 1))


def revoke(work: Work, id: str, reason: str) -> None:
    """The device may no longer pull. Once is enough. Raises ``Forbidden`` and ``NotFound``."""
    work.need(Action.DEVICE_MANAGE)
    if reads.locked(work.session, id).revoked is None:
        _revoke(work, id, reason)


def _revoke(work: Work, id: str, reason: str) -> None:
    of_it = update(device).where(device.c.id == id)
    work.session.execute(of_it.values(revoked=work.now, reason=reason, readmitted=False))
    work.publish(f"device/{id}", DeviceRevoked(device=id, reason=reason))


def readmit(work: Work, id: str) -> None:
    """Let the rep renew a revoked device. Raises ``Forbidden``, ``NotFound``, and ``Conflict`` for one that isn't."""
    work.need(Action.DEVICE_MANAGE)
    if reads.locked(work.session, id).revoked is None:
        raise Conflict(N_("this device isn't revoked; its rep can renew it"))
    work.session.execute(update(device).where(device.c.id == id).values(readmitted=True))
    work.changed(f"device/{id}", readmitted=True)
