"""A customer is erased: every text about the person, in every table of this service; ids, times, counts stay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.callcenter.cases import handlers as cases
from services.callcenter.contacts import handlers as contacts
from services.callcenter.imports import handlers as imports
from services.callcenter.insights import handlers as insights
from shared.customer.member import Member, member_of, stream
from shared.edge.errors import NotFound
from shared.events.customer import CustomerErased
from shared.events.envelope import Event
from shared.pipeline import claims
from shared.pipeline.work import Work


@dataclass(frozen=True)
class Erase:
    """A person is to be forgotten. ``reason``: ``request``, ``retention`` or ``error``."""

    member: str
    reason: str = "request"


def erase(work: Work, commands: Sequence[Erase]) -> None:
    """Make everything about the members unreadable, here and everywhere. Raises ``Forbidden``, ``NotFound``."""
    work.actor.need("supervisor")
    held = claims.lock(work.session, (command.member for command in commands))
    for command in commands:
        of = held[command.member]
        if of.registered is None and not of.erased:
            raise NotFound("there is no such customer")
        if not of.erased:
            work.publish(stream(Member(command.member)), CustomerErased(reason=command.reason))
    _forget(work, held)


def heard_erased(work: Work, events: list[Event]) -> None:
    """Customers erased by another service."""
    _forget(work, {member_of(event.stream) for event in claims.named(work, events)})


def _forget(work: Work, members: Iterable[str]) -> None:
    gone = sorted(members)
    if not gone:
        return
    claims.forget(work, gone)
    for slice_of in (contacts, cases, imports, insights):
        slice_of.forget(work, gone)
    claims.touch(work, gone)
