"""Cases are opened and resolved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, or_, select, update

from services.callcenter.cases import rules
from services.callcenter.cases.tables import case
from services.callcenter.contacts.handlers import instant, known, within_reach
from services.callcenter.contacts.tables import contact
from shared.access.actions import Action
from shared.customer.member import Member, stream
from shared.edge.errors import Conflict, Invalid, NotFound
from shared.edge.live import topic
from shared.events.callcenter import CaseOpened
from shared.events.envelope import new_id
from shared.pipeline.customer_tables import any_of
from shared.pipeline.steady import hold_steady
from shared.pipeline.work import Work


@dataclass(frozen=True)
class Open:
    """A customer's request is to be followed."""

    member: str
    reason: str
    subject: str
    contact: str | None = None
    requested: datetime | None = None
    """When the customer asked; else when the contact was offered; else now."""
    at: datetime | None = None
    product: str = ""
    """Codes of what it is about and where, for who looks for many cases of one kind; empty: not known."""
    place: str = ""


@dataclass(frozen=True)
class Resolve:
    """The customer has the solution."""

    case: str
    solution: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class Opened:
    case: str
    customer: str
    requested: datetime


@dataclass(frozen=True)
class Resolved:
    case: str
    customer: str
    resolved: datetime
    seconds_to_solution: float
    immediate: bool


def open_cases(work: Work, commands: Sequence[Open]) -> list[Opened]:
    """Open cases. Raises ``Forbidden``, ``NotFound``, ``Invalid``."""
    work.need(Action.CASE_WORK)
    within_reach(work, Action.CASE_WORK, {command.member for command in commands})
    known(work, "reason", {command.reason for command in commands})
    erased = hold_steady(work, {command.member for command in commands})
    offered = _offered(work, [command.contact for command in commands if command.contact])
    if len(commands) == 1 and commands[0].contact:
        work.account = f"contact/{commands[0].contact}"
    rows, opened = [], []
    for command in commands:
        if command.member not in erased:
            raise NotFound("there is no such customer")
        at = instant(work, command.at)
        requested = command.requested or at
        if command.contact:
            if (command.contact, command.member) not in offered:
                raise NotFound("this customer has no such contact")
            requested = command.requested or offered[command.contact, command.member]
        if requested > at:
            raise Invalid("the request can't lie after the opening of the case")
        new = Opened(new_id(), command.member, requested)
        subject = "" if erased[command.member] else command.subject
        rows.append(
            {
                "id": new.case,
                "member": command.member,
                "contact": command.contact,
                "reason": command.reason,
                "subject": subject,
                "state": "open",
                "requested": requested,
                "opened": at,
                "opened_by": work.actor.id,
                "product": command.product,
                "place": command.place,
            }
        )
        fact = CaseOpened(
            case=new.case,
            reason=command.reason,
            subject=subject,
            contact=command.contact,
            requested=requested,
            product=command.product,
            place=command.place,
        )
        work.publish(stream(Member(command.member)), fact, at)
        work.touch(topic("customer", command.member))
        opened.append(new)
    work.session.execute(case.insert(), rows)
    return opened


def resolve(work: Work, commands: Sequence[Resolve]) -> list[Resolved]:
    """Close cases with their solutions. Raises ``Forbidden``, ``NotFound``, ``Conflict``, ``Invalid``."""
    work.need(Action.CASE_WORK)
    c = case.c
    of_ids = c.id == any_of(sorted({command.case for command in commands}))
    # First the customers, then their cases: the order in which an erasure locks them.
    members = work.session.scalars(select(c.member).where(of_ids)).all()
    within_reach(work, Action.CASE_WORK, members)
    erased = hold_steady(work, members)
    found = work.session.execute(
        select(c.id, c.member, c.state, c.requested).where(of_ids).order_by(c.id).with_for_update()
    )
    cases = {row.id: row for row in found}
    rows, resolved = [], []
    for command in commands:
        before = cases.get(command.case)
        if before is None:
            raise NotFound("there is no such case")
        at = instant(work, command.at)
        solution = "" if erased[before.member] else command.solution
        try:
            fact = rules.resolve(before.id, before.state, before.requested, solution, at)
        except rules.NotPossible as error:
            raise Conflict(str(error)) from None
        except rules.OutOfTime as error:
            raise Invalid(str(error)) from None
        rows.append(
            {
                "case_id": before.id,
                "solved": at,
                "text": solution,
                "seconds": fact.seconds_to_solution,
                "at_once": fact.immediate,
            }
        )
        work.publish(stream(Member(before.member)), fact, at, former={"state": before.state})
        work.touch(topic("customer", before.member))
        resolved.append(Resolved(before.id, before.member, at, fact.seconds_to_solution, fact.immediate))
    work.session.connection().execute(_RESOLVE, rows)
    return resolved


def forget(work: Work, members: Sequence[str]) -> Counter[str]:
    """Empty what cases say about the members; gives how many said something of each."""
    c = case.c
    of_them = update(case).where(c.member == any_of(members), or_(c.subject != "", c.solution != ""))
    return Counter(work.session.scalars(of_them.values(subject="", solution="").returning(c.member)).all())


_RESOLVE = (
    update(case)
    .where(case.c.id == bindparam("case_id"))
    .values(
        state="resolved",
        resolved=bindparam("solved"),
        solution=bindparam("text"),
        seconds_to_solution=bindparam("seconds"),
        immediate=bindparam("at_once"),
    )
)


def _offered(work: Work, contacts: Sequence[str]) -> dict[tuple[str, str], datetime]:
    rows = work.session.execute(
        select(contact.c.id, contact.c.member, contact.c.offered).where(contact.c.id == any_of(contacts))
    )
    return {(row.id, row.member): row.offered for row in rows}
