"""Devices pull, and push what was written on them; an operator decides what was set aside."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from services.sync.devices import feed, reads, rules
from services.sync.devices.applying import Turned, apply, check
from services.sync.devices.enrolment import Signed, meet
from services.sync.devices.rules import Answer, Content, Unreadable
from services.sync.devices.tables import device, device_scope, mutation
from shared.access.actions import Action
from shared.edge.errors import Conflict, NotFound
from shared.pipeline import claims, clusters, keys
from shared.pipeline.customer_tables import any_of, customer_record
from shared.pipeline.sealing import KeyEncryptionKeys
from shared.pipeline.work import Work
from shared.texts import N_, Text, Translate


@dataclass(frozen=True)
class Sent:
    """One mutation as a device sent it."""

    number: int
    made: datetime | None
    """By the device's clock."""
    content: Content | Unreadable
    raw: str
    """All of it, by which a repetition is known."""


@dataclass(frozen=True)
class Ways:
    """What the taking in of mutations needs from outside."""

    keks: KeyEncryptionKeys
    region: str
    """The country of phone numbers without a country code."""
    translate: Translate = str
    """Into the language of who asks."""

    def told(self, message: str, **values: object) -> str:
        """A text in that language."""
        return Text(message, values).told(self.translate)


def said(work: Work, signed: Signed, scope: str, after: int) -> int:
    """A device pulls, and says how far it has come; gives the turn that it may use next.

    A device that is revoked, for being a copy just now too, is for the read to refuse: this is to be committed. Raises
    ``Forbidden``, and as ``meet``.
    """
    work.need(Action.DEVICE_PULL)
    found, turn = meet(work, signed)
    if found.revoked is not None:
        return turn
    work.session.execute(update(device).where(device.c.id == found.id).values(heard=work.now))
    if scope:
        new = upsert(device_scope).values(device=found.id, scope=scope, pos=after)
        work.session.execute(
            new.on_conflict_do_update(index_elements=["device", "scope"], set_={"pos": new.excluded.pos})
        )
        follows = [one.scope for one in reads.scopes(work.session, found)]
        d = device_scope.c
        work.session.execute(delete(device_scope).where(d.device == found.id, d.scope.not_in(follows)))
    return turn


def push(work: Work, ways: Ways, signed: Signed, sent: datetime, mutations: Sequence[Sent]) -> tuple[list[Answer], int]:
    """Take in what was written on a device, in the order of the numbers; gives an answer for each, in that order, and
    the turn that the device may use next.

    Each number is taken once: sent again, it is answered as the first time; with other content, and beyond the next
    one, it isn't taken. What can't be done is refused, or set aside for an operator, and nothing else waits for it.
    ``sent`` is the present by the device's clock. Raises ``Forbidden``, and as ``meet``.
    """
    work.need(Action.DEVICE_PUSH)
    found, turn = meet(work, signed)
    id = found.id
    known = _known(work, id, [one.number for one in mutations])
    _hold(work, [one.content for one in mutations])
    next_number, made, answers = found.number + 1, found.made, []
    for one in sorted(mutations, key=lambda one: one.number):
        if one.number < next_number:
            answers.append(_again(ways, one, known))
        elif one.number > next_number:
            answers.append(
                Answer(one.number, "gap", "gap", ways.told(N_("number %(number)s is expected"), number=next_number))
            )
        else:
            made = rules.corrected(one.made or sent, sent, work.now, found.enrolled, made)
            known[one.number] = _take(work, ways, found, one, made)
            answers.append(known[one.number][1])
            next_number += 1
    of_it = update(device).where(device.c.id == id)
    work.session.execute(of_it.values(number=next_number - 1, made=made, heard=work.now))
    return answers, turn


def accept(work: Work, ways: Ways, id: str, number: int) -> Answer:
    """Let what was set aside happen after all. What can't be done is refused.

    Raises ``Forbidden``, ``NotFound``, and ``Conflict`` when it isn't set aside any more.
    """
    work.need(Action.DEVICE_MANAGE)
    of_device = reads.locked(work.session, id)
    content = _set_aside(work, id, number)
    _hold(work, [content])
    _set_aside(work, id, number)  # an erasure may have come first
    row = work.session.execute(_row(id, number)).one()
    turned = _try(work, ways, of_device, number, row.made, content)
    _decide(work, id, number, turned.state, turned.reason, "")
    return Answer(number, turned.state, turned.reason, turned.detail.told(ways.translate))


def discard(work: Work, id: str, number: int, why: str) -> Answer:
    """Don't let what was set aside happen. Raises as ``accept``."""
    work.need(Action.DEVICE_MANAGE)
    reads.locked(work.session, id)
    _set_aside(work, id, number)
    _decide(work, id, number, rules.REFUSED, "discarded", why)
    return Answer(number, rules.REFUSED, "discarded")


def _row(id: str, number: int) -> Any:
    return select(mutation).where(mutation.c.device == id, mutation.c.number == number)


def _set_aside(work: Work, id: str, number: int) -> Content:
    row = work.session.execute(_row(id, number)).one_or_none()
    if row is None:
        raise NotFound(N_("the device has sent no such number"))
    if row.state != rules.QUARANTINED or row.content is None:
        raise Conflict(
            N_("number %(number)s isn't set aside any more; it is %(state)s"),
            number=number,
            state=Text(rules.STATES[row.state]),
        )
    content: Content = msgspec.json.decode(row.content, type=Content)
    return content


def _decide(work: Work, id: str, number: int, state: str, reason: str, why: str) -> None:
    of_it = update(mutation).where(mutation.c.device == id, mutation.c.number == number)
    values = {"state": state, "reason": reason, "content": None, "decided_by": work.actor.id, "why": why}
    work.session.execute(of_it.values(values))
    work.changed(f"device/{id}", number=number, former=rules.QUARANTINED, state=state, reason=reason)
    feed.mark_mutations(work, [(id, number)])


def _known(work: Work, id: str, numbers: Sequence[int]) -> dict[int, tuple[bytes, Answer]]:
    """What was taken before of these numbers: fingerprint and answer."""
    m = mutation.c
    rows = work.session.execute(select(m.number, m.fingerprint, m.answer).where(m.device == id, m.number.in_(numbers)))
    return {row.number: (bytes(row.fingerprint), msgspec.convert(row.answer, Answer)) for row in rows}


def _again(ways: Ways, one: Sent, known: dict[int, tuple[bytes, Answer]]) -> Answer:
    before, answer = known[one.number]
    if any(hmac.compare_digest(before, _fingerprint(key, one.raw)) for key in ways.keks.fingerprint_keys):
        return answer
    return Answer(
        one.number,
        "conflict",
        "conflict",
        ways.told(N_("number %(number)s was used for another mutation"), number=one.number),
    )


def _fingerprint(key: bytes, raw: str) -> bytes:
    return hashlib.blake2b(raw.encode(), key=key, digest_size=32).digest()


def _hold(work: Work, contents: Sequence[Content | Unreadable]) -> None:
    """Lock the customers that there are, with their mates, in the order in which everybody does."""
    members = {one.customer for one in contents if not isinstance(one, Unreadable)}
    c = customer_record.c
    here = work.session.scalars(select(c.member).where(c.member == any_of(sorted(members)))).all()
    mates = clusters.mates_of(work.session, here)
    claims.lock(work.session, set(here).union(*mates.values()))


def _take(work: Work, ways: Ways, of: Any, one: Sent, made: datetime) -> tuple[bytes, Answer]:
    """Store the next number with what becomes of it."""
    turned = _judged(work, ways, of, one, made)
    answer = Answer(one.number, turned.state, turned.reason, turned.detail.told(ways.translate))
    content = None if isinstance(one.content, Unreadable) else one.content
    fingerprint = _fingerprint(ways.keks.fingerprint_key, one.raw)
    kept = content if turned.state == rules.QUARANTINED else None
    row = {
        "device": of.id,
        "number": one.number,
        "kind": content.__struct_config__.tag if content else "",
        "member": content.customer if content else None,
        "thing": content.thing if content else None,
        "made": made,
        "received": work.now,
        "fingerprint": fingerprint,
        "answer": msgspec.to_builtins(answer),
        "state": turned.state,
        "reason": turned.reason,
        "content": msgspec.json.encode(kept).decode() if kept else None,
    }
    work.session.execute(mutation.insert(), row)
    feed.mark_mutations(work, [(of.id, one.number)])
    return fingerprint, answer


def _judged(work: Work, ways: Ways, of: Any, one: Sent, made: datetime) -> Turned:
    content = one.content
    if isinstance(content, Unreadable):
        # Neither could it be done later, nor would an erasure find it.
        return Turned(rules.REFUSED, "invalid", Text(content.why))
    if keys.erased(work.session, [content.customer]):
        return Turned(rules.REFUSED, "erased")
    if of.revoked is not None:
        return Turned(rules.QUARANTINED, "revoked")
    if problem := check(work, of.rep, content.customer):
        return problem
    return _try(work, ways, of, one.number, made, content)


def _try(work: Work, ways: Ways, of: Any, number: int, made: datetime, content: Content) -> Turned:
    """Let it happen; what is refused leaves nothing behind."""
    mark, savepoint = work.mark(), work.session.begin_nested()
    turned = apply(work, of, number, made, content, ways.region)
    if turned.state == rules.REFUSED:
        savepoint.rollback()
        work.rewind(mark)
    else:
        savepoint.commit()
    return turned
