"""What an erasure is and what became of it: its report, worked out from what was noted and heard. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from shared.texts import N_, Text

PROPOSED, WITHDRAWN, ERASED = N_("proposed"), N_("withdrawn"), N_("erased")
"""States of an erasure."""
DEVICE, EXPORT = "device/", "export/"
"""Beginnings of places that aren't tables of a service."""


class Erasure(msgspec.Struct, frozen=True):
    """An erasure as people decided it."""

    id: str
    customer: str
    members: tuple[str, ...]
    """Whom the second person consented to erase; not read anew, as an erasure takes the cluster apart."""
    reason: str
    proposed_by: str
    proposed: datetime
    state: str
    decided_by: str | None
    decided: datetime | None


class Answer(msgspec.Struct, frozen=True):
    """What is known of one member in one place of one service."""

    member: str
    source: str
    place: str
    state: str
    rows: int
    at: datetime


class Service(msgspec.Struct, frozen=True):
    """A service that must answer. ``left``: the company gave it up, and nobody answers for its database."""

    name: str
    left: datetime | None = None


class Found(msgspec.Struct, frozen=True):
    """What a topic of keys held of the members, and when it was read from its beginning."""

    source: str
    wrapped: int
    at: datetime


class Place(msgspec.Struct, frozen=True):
    """A place in which a service keeps people, and how many rows it forgot."""

    place: str
    rows: int
    at: datetime


class Told(msgspec.Struct, frozen=True):
    """What a service answered for one member; ``forgotten`` is none until it answered."""

    service: str
    member: str
    forgotten: datetime | None
    places: tuple[Place, ...]


class OnDevice(msgspec.Struct, frozen=True):
    """A device that may have had a member; ``forgotten`` is none until it has confirmed."""

    device: str
    member: str
    service: str
    forgotten: datetime | None


class Exported(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file into which a member was exported. Nobody can call it back: whoever had it made has to delete it."""

    export: str
    member: str
    service: str
    by: str = ""
    at: datetime | None = None


class Log(msgspec.Struct, frozen=True):
    """What a topic of keys still holds. ``wrapped``: keys of the members; none: it wasn't read yet."""

    topic: str
    wrapped: int | None
    read: datetime | None


class Backups(msgspec.Struct, frozen=True):
    """Until when a backup of databases or of keys may still hold the members: none is kept longer than so many days."""

    days: int
    until: datetime
    over: bool


class Report(msgspec.Struct, frozen=True):
    """What became of an erasure, as of ``made``."""

    erasure: str
    by: str
    """The service at which it was decided, which makes this report."""
    made: datetime
    customer: str
    members: tuple[str, ...]
    reason: str
    proposed_by: str
    proposed: datetime
    consented_by: str
    erased: datetime
    asked: tuple[str, ...]
    """The services that must answer: those of which there was ever a sign of life."""
    left: Mapping[str, datetime]
    """Services that the company gave up, and when: not reached, as nobody runs them."""
    answers: tuple[Told, ...]
    devices: tuple[OnDevice, ...]
    exports: tuple[Exported, ...]
    log: tuple[Log, ...]
    backups: Backups
    stays: tuple[str, ...]
    """What is kept on purpose, in words."""
    open: tuple[str, ...]
    """What isn't done, or can't be said to be, in words; empty: all that can answer has."""
    complete: bool


STAYS = (
    "events: ids, times, codes and amounts; their texts are sealed with keys that are deleted",
    "audit: who did what to which member and when; ids and names of fields, no values",
    "databases: deleted rows lie in the files until vacuum has gone over them, and in the write-ahead log until it is "
    "recycled",
)


def report(
    of: Erasure,
    *,
    by: str,
    now: datetime,
    services: Sequence[Service],
    answers: Iterable[Answer],
    log: Iterable[Found],
    exports: Mapping[str, tuple[str, datetime]],
    backup_days: int,
) -> Report:
    """The report of an erasure that was decided. ``exports``: of those known here, by whom and when."""
    assert of.decided is not None
    known = sorted(answers, key=lambda one: (one.source, one.member, one.place))
    asked = sorted(one.name for one in services if one.left is None)
    left = {one.name: one.left for one in services if one.left is not None}
    told = tuple(_told(name, member, known) for name in asked for member in of.members)
    devices = tuple(_on_device(one) for one in known if one.place.startswith(DEVICE))
    found = {one.source: one for one in log}
    logs = tuple(_log(name, found) for name in sorted({*asked, *left}))
    until = of.decided + timedelta(days=backup_days)
    found_so_far = Report(
        erasure=of.id,
        by=by,
        made=now,
        customer=of.customer,
        members=of.members,
        reason=of.reason,
        proposed_by=of.proposed_by,
        proposed=of.proposed,
        consented_by=of.decided_by or "",
        erased=of.decided,
        asked=tuple(asked),
        left=left,
        answers=told,
        devices=devices,
        exports=tuple(_exported(one, exports) for one in known if one.place.startswith(EXPORT)),
        log=logs,
        backups=Backups(backup_days, until, now >= until),
        stays=STAYS,
        open=(),
        complete=True,
    )
    open = tuple(str(line) for line in lacking(found_so_far))
    return msgspec.structs.replace(found_so_far, open=open, complete=not open)


def _told(service: str, member: str, known: Sequence[Answer]) -> Told:
    places = tuple(
        Place(one.place, one.rows, one.at)
        for one in known
        if (one.source, one.member) == (service, member) and "/" not in one.place and one.place
    )
    whole = [one.at for one in known if (one.source, one.member, one.place) == (service, member, "")]
    return Told(service, member, max(whole, default=None), places)


def _on_device(one: Answer) -> OnDevice:
    at = one.at if one.state == "forgotten" else None
    return OnDevice(one.place.removeprefix(DEVICE), one.member, one.source, at)


def _exported(one: Answer, known: Mapping[str, tuple[str, datetime]]) -> Exported:
    id = one.place.removeprefix(EXPORT)
    by, at = known.get(id, ("", None))
    return Exported(id, one.member, one.source, by, at)


def _log(source: str, found: Mapping[str, Found]) -> Log:
    one = found.get(source)
    return Log(f"{source}.keys", one.wrapped if one else None, one.at if one else None)


def lacking(of: Report) -> list[Text]:
    """What isn't done, or can't be said to be."""
    found = [
        Text(N_("%(service)s hasn't answered for %(member)s"), {"service": one.service, "member": one.member})
        for one in of.answers
        if one.forgotten is None
    ]
    found += [
        Text(N_("device %(device)s hasn't confirmed %(member)s"), {"device": one.device, "member": one.member})
        for one in of.devices
        if one.forgotten is None
    ]
    found += [
        Text(N_("%(service)s left, and its database wasn't reached"), {"service": name}) for name in sorted(of.left)
    ]
    for one in of.log:
        values = {"topic": one.topic, "keys": one.wrapped}
        if one.wrapped is None:
            found.append(Text(N_("%(topic)s wasn't looked through yet"), values))
        elif one.wrapped:
            found.append(Text(N_("%(topic)s still holds %(keys)s wrapped keys, until it is compacted"), values))
    return found
