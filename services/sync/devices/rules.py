"""What a device may say, what it is answered, and what it is to know. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

import msgspec

from shared.customer.fold import Record
from shared.customer.territories import looks_after
from shared.events.facts import Fact
from shared.events.sfa import (
    OrderCancelled,
    OrderDelayed,
    OrderDelivered,
    OrderPlaced,
    OrderProvisioned,
    OrderRefused,
)
from shared.texts import N_

EVERYTHING = "all"
"""The scope of every device while nobody looks after territories."""
NO_DIGEST = bytes(32)
NEWEST = 20
"""Orders and notes of a customer that a device is given."""

State = Literal["stored", "accepted", "refused", "no_owner_yet", "quarantined"]
STORED: State = "stored"
ACCEPTED: State = "accepted"
REFUSED: State = "refused"
NO_OWNER: State = "no_owner_yet"
QUARANTINED: State = "quarantined"
OPEN = (STORED, NO_OWNER)
"""Sales force automation has still to decide."""
STATES: Mapping[str, str] = {
    STORED: N_("stored"),
    ACCEPTED: N_("accepted"),
    REFUSED: N_("refused"),
    NO_OWNER: N_("stored, as nobody takes orders yet"),
    QUARANTINED: N_("set aside"),
}
"""What they are called."""

COPIED = "copied"
REVOKED: Mapping[str, str] = {
    "lost": N_("lost"),
    "replaced": N_("replaced"),
    "left": N_("the rep has left"),
    "misuse": N_("misuse"),
}
"""Why an operator revokes a device."""
REASONS = {**REVOKED, COPIED: N_("there are two of it")}
"""Why a device was revoked."""

Met = Literal["next", "again", "late", "copied", "ahead"]
KEPT_TURNS = 1_000
"""Turns of a device that are kept. What the network repeats only after as many requests is taken for a copy's."""


def met(turn: int, request: str, current: int, used: str | None) -> Met:
    """What a request is that a device has signed for a turn. ``current``: the device's turn here; ``used``: the request
    that has used the one that it names, if that is known.

    Whoever has the key uses each turn once, under a name that it has kept before: so its request is the ``next`` one,
    or the same as before because the answer was lost (``again``), or one that the network brings ``late``. Two with one
    key can't agree on names: the second is ``copied``. A turn that was never given here is ``ahead``: this database was
    put back to an earlier state, and nobody is to blame.
    """
    if turn >= current:
        return "next" if turn == current else "ahead"
    if used != request:
        return "copied"
    return "again" if turn == current - 1 else "late"


class Line(msgspec.Struct, frozen=True):
    """So many of one product, at a price in minor units."""

    product: str
    quantity: int
    unit_price: int


class Made(msgspec.Struct, frozen=True):
    """One claim as the device made it; of a set ``value`` is ``+element`` or ``-element``."""

    id: str
    field: str
    value: str
    saw: tuple[str, ...] = ()


class Note(msgspec.Struct, frozen=True, tag="note"):
    """A rep wrote something down about a customer."""

    customer: str
    note: str
    text: str

    @property
    def thing(self) -> str:
        return self.note


class Edit(msgspec.Struct, frozen=True, tag="edit"):
    """A rep changed fields of a customer."""

    customer: str
    claims: tuple[Made, ...]

    @property
    def thing(self) -> str:
        return self.claims[0].id


class Order(msgspec.Struct, frozen=True, tag="order"):
    """A customer ordered from a rep."""

    customer: str
    order: str
    lines: tuple[Line, ...]
    currency: str

    @property
    def thing(self) -> str:
        return self.order


Content = Note | Edit | Order


class Unreadable(msgspec.Struct, frozen=True):
    """What a device sent that is none of these, and why; the text never repeats what was sent."""

    why: str


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one mutation."""

    number: int
    state: str
    """A ``State``; or ``conflict`` or ``gap``, and then nothing was taken."""
    reason: str = ""
    """A code."""
    detail: str = ""
    """For a person who mends the device."""


class Followed(msgspec.Struct, frozen=True):
    """An order as far as sales force automation has told of it."""

    state: str = ""
    """``placed``, ``refused``, ``provisioned``, ``delivered`` or ``cancelled``."""
    at: datetime | None = None
    lines: tuple[dict[str, Any], ...] = ()
    total: int = 0
    currency: str = ""
    channel: str = ""
    reason: str = ""
    problem: str = ""
    """What is wrong with it: the code of the last delay, until it is delivered or cancelled."""
    promised: datetime | None = None
    how: str = ""


def followed(order: Followed, fact: Fact, at: datetime) -> Followed:
    """The order after one more fact of its stream."""
    change = msgspec.structs.replace
    match fact:
        case OrderPlaced():
            lines = tuple(msgspec.to_builtins(line) for line in fact.lines)
            return Followed("placed", at, lines, fact.total, fact.currency, fact.channel, promised=fact.promised)
        case OrderRefused():
            return change(order, state="refused", reason=fact.reason)
        case OrderProvisioned():
            return change(order, state="provisioned")
        case OrderDelayed():
            return change(order, problem=fact.problem, promised=fact.promised or order.promised)
        case OrderDelivered():
            return change(order, state="delivered", problem="", how=fact.how)
        case OrderCancelled():
            return change(order, state="cancelled", problem="", reason=fact.reason)
    return order


def decided(state: str, reason: str, order: str, why: str, *, owned: bool) -> tuple[str, str]:
    """The state and reason of a mutation as of now.

    ``state`` and ``reason`` are those it was stored with, ``order`` and ``why`` what sales force automation says of the
    order that it asks for (empty: nothing yet), ``owned`` whether there is sales force automation at all.
    """
    if state not in OPEN:
        return state, reason
    if order:
        return (REFUSED, why) if order == "refused" else (ACCEPTED, "")
    return (STORED if owned else NO_OWNER), ""


def corrected(made: datetime, sent: datetime, now: datetime, enrolled: datetime, before: datetime) -> datetime:
    """When something was done on a device whose clock is wrong.

    ``sent`` is what its clock says ``now``. What was done lies after its enrolment and before now, and not before what
    it did ``before`` that.
    """
    # Differences first: an instant at the end of the calendar can't be moved.
    age = sent - made
    at = enrolled if age >= now - enrolled else now if age.total_seconds() <= 0 else now - age
    return min(max(at, before), now)


def scopes(
    rep: str, territories: Iterable[str], parents: Mapping[str, str], reps: Mapping[str, Collection[str]]
) -> list[str]:
    """The territories that a rep looks after, those below his regions too, sorted."""
    known = set(territories) | set(reps)
    return sorted(one for one in known if looks_after(rep, one, parents, reps))


def scope_of_territory(territory: str) -> str:
    """The scope of a territory's customers."""
    return f"territory/{territory}"


def scope_of_device(device: str) -> str:
    """The scope of what became of a device's own mutations."""
    return f"device/{device}"


def canonical(value: object) -> str:
    """JSON of which equal values have one form: sorted names, no spaces, nothing but ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def digest_of(body: str) -> bytes:
    """By what an item is known: SHA-256 of its text."""
    return sha256(body.encode()).digest()


def exclusive_or(*digests: bytes) -> bytes:
    """The digest of a set of items: in any order the same, and by one item more or less another."""
    together = 0
    for each in digests:
        together ^= int.from_bytes(each)
    return together.to_bytes(len(NO_DIGEST))


def fields(record: Record) -> dict[str, Any]:
    """The fields of a record as devices have them: value, the claims that an edit has seen, whether it's disputed."""
    return {
        name: {
            "value": state.value,
            "heads": sorted({id for ids in state.heads.values() for id in ids}),
            **({"open": list(state.open)} if state.open else {}),
        }
        for name, state in record.states.items()
    }


def newest(rows: Iterable[dict[str, Any]], id: str) -> list[dict[str, Any]]:
    """The newest of the rows (by ``at``), the newest first."""
    return sorted(rows, key=lambda row: (row["at"] or "", row[id]), reverse=True)[:NEWEST]
