"""A customer is erased: every text about the person, in every table of this service; ids, times, counts stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.callcenter.cases import handlers as cases
from services.callcenter.contacts import handlers as contacts
from services.callcenter.customers import record
from services.callcenter.customers.handlers import member_in
from services.callcenter.customers.record import Held
from services.callcenter.imports import handlers as imports
from shared.customer.member import Member, stream
from shared.edge.errors import NotFound
from shared.events.customer import CustomerErased
from shared.events.envelope import Event
from shared.pipeline import keys
from shared.pipeline.work import Work


@dataclass(frozen=True)
class Erase:
    """A person is to be forgotten. ``reason``: ``request``, ``retention`` or ``error``."""

    member: str
    reason: str = "request"


def erase(work: Work, commands: Sequence[Erase]) -> None:
    """Make everything about the members unreadable, here and everywhere. Raises ``Forbidden``, ``NotFound``."""
    work.actor.need("supervisor")
    held = record.hold(work, {command.member for command in commands})
    for command in commands:
        if command.member not in held:
            raise NotFound("there is no such customer")
        if not held[command.member].erased:
            work.publish(stream(Member(command.member)), CustomerErased(reason=command.reason))
    _forget(work, held, {command.member: work.now for command in commands})


def heard_erased(work: Work, events: list[Event]) -> None:
    """Customers erased by another service."""
    gone: dict[str, datetime] = {}
    for event in events:
        if member := member_in(work, event):
            gone.setdefault(member, event.occurred)
    if gone:
        record.admit(work, dict.fromkeys(gone))
        _forget(work, record.hold(work, gone), gone)


def _forget(work: Work, held: Mapping[str, Held], at: Mapping[str, datetime]) -> None:
    keys.erase(work, held)
    record.forget(work, at)
    for slice_of in (contacts, cases, imports):
        slice_of.forget(work, list(at))
    work.touch(*(f"customer/{member}" for member in held))
