"""Cases are opened, put into states of the department's own, described, and resolved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, or_, select, update

from services.callcenter.cases import rules
from services.callcenter.cases.tables import case
from services.callcenter.contacts.handlers import instant, within_reach
from services.callcenter.contacts.tables import contact
from shared.access.actions import Action
from shared.customer.definitions import NotTaken
from shared.customer.member import Member, stream
from shared.edge.errors import Conflict, Invalid, NotFound
from shared.edge.live import topic
from shared.events.callcenter import CaseOpened
from shared.events.envelope import new_id
from shared.pipeline import vocabulary
from shared.pipeline.customer_tables import any_of
from shared.pipeline.steady import hold_steady
from shared.pipeline.work import Work
from shared.texts import N_


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
    custom: Mapping[str, str] = field(default_factory=dict)
    """Values of the department's own fields, by code."""


@dataclass(frozen=True)
class Move:
    """A case goes into a state of the department's own; empty: into none."""

    case: str
    step: str


@dataclass(frozen=True)
class Moved:
    case: str
    customer: str
    state: str
    step: str


@dataclass(frozen=True)
class Describe:
    """The department's own fields of a case have other values; empty: none. Fields that aren't named stay."""

    case: str
    custom: Mapping[str, str]


@dataclass(frozen=True)
class Described:
    case: str
    customer: str


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
    vocabulary.need(work, "reason", {command.reason for command in commands})
    erased = hold_steady(work, {command.member for command in commands})
    offered = _offered(work, [command.contact for command in commands if command.contact])
    if len(commands) == 1 and commands[0].contact:
        work.account = f"contact/{commands[0].contact}"
    rows, opened = [], []
    for command in commands:
        if command.member not in erased:
            raise NotFound(N_("there is no such customer"))
        at = instant(work, command.at)
        requested = command.requested or at
        if command.contact:
            if (command.contact, command.member) not in offered:
                raise NotFound(N_("this customer has no such contact"))
            requested = command.requested or offered[command.contact, command.member]
        if requested > at:
            raise Invalid(N_("the request can't lie after the opening of the case"))
        new = Opened(new_id(), command.member, requested)
        custom = vocabulary.values(work, "case_field", command.custom)
        if erased[command.member]:
            custom = {}
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
                "custom": custom,
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
            custom=custom,
        )
        work.publish(stream(Member(command.member)), fact, at)
        work.touch(topic("customer", command.member))
        opened.append(new)
    work.session.execute(case.insert(), rows)
    return opened


def resolve(work: Work, commands: Sequence[Resolve]) -> list[Resolved]:
    """Close cases with their solutions. Raises ``Forbidden``, ``NotFound``, ``Conflict``, ``Invalid``."""
    work.need(Action.CASE_WORK)
    cases, erased = _hold(work, {command.case for command in commands})
    rows, resolved = [], []
    for command in commands:
        before = _found(cases, command.case)
        at = instant(work, command.at)
        solution = "" if erased[before.member] else command.solution
        try:
            fact = rules.resolve(before.id, before.state, before.requested, solution, at, before.queue or "")
        except rules.NotPossible as error:
            raise Conflict(error) from None
        except rules.OutOfTime as error:
            raise Invalid(error) from None
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


def move(work: Work, command: Move) -> Moved:
    """Put a case into a state of the department's own. Raises ``Forbidden``, ``NotFound``, ``Conflict``."""
    work.need(Action.CASE_WORK)
    cases, _ = _hold(work, {command.case})
    before = _found(cases, command.case)
    states = vocabulary.own(work.session, work.source, "case_state")
    try:
        fact = rules.move(before.id, before.state, command.step, states)
    except (rules.NotPossible, NotTaken) as error:
        raise Conflict(error) from None
    if fact.step != before.step:
        work.session.execute(update(case).where(case.c.id == before.id).values(step=fact.step))
        work.publish(stream(Member(before.member)), fact, former={"step": before.step})
        work.touch(topic("customer", before.member))
    return Moved(before.id, before.member, before.state, fact.step)


def describe(work: Work, command: Describe) -> Described:
    """Write into the department's own fields of a case. Raises as ``resolve``."""
    work.need(Action.CASE_WORK)
    cases, erased = _hold(work, {command.case})
    before = _found(cases, command.case)
    if erased[before.member]:
        raise Conflict(N_("this customer was erased; nothing more can be written about the person"))
    kept = vocabulary.values(work, "case_field", command.custom)
    fact = rules.describe(before.id, before.custom, {code: kept.get(code, "") for code in command.custom})
    if fact.custom:
        values = {code: value for code, value in {**before.custom, **fact.custom}.items() if value}
        work.session.execute(update(case).where(case.c.id == before.id).values(custom=values))
        # Which fields, and not what they held: the audit log is never erased.
        work.publish(stream(Member(before.member)), fact, former={"fields": sorted(fact.custom)})
        work.touch(topic("customer", before.member))
    return Described(before.id, before.member)


def _found(cases: Mapping[str, Any], id: str) -> Any:
    """One of the cases. Raises ``NotFound``."""
    if (found := cases.get(id)) is None:
        raise NotFound(N_("there is no such case"))
    return found


def _hold(work: Work, ids: Collection[str]) -> tuple[dict[str, Any], dict[str, bool]]:
    """The cases, locked, and which of their customers are erased."""
    c = case.c
    of_ids = c.id == any_of(sorted(ids))
    # First the customers, then their cases: the order in which an erasure locks them.
    members = work.session.scalars(select(c.member).where(of_ids)).all()
    within_reach(work, Action.CASE_WORK, members)
    erased = hold_steady(work, members)
    found = work.session.execute(
        select(c.id, c.member, c.state, c.step, c.custom, c.requested, contact.c.queue)
        .outerjoin(contact, contact.c.id == c.contact)
        .where(of_ids)
        .order_by(c.id)
        .with_for_update(of=case)
    )
    return {row.id: row for row in found}, erased


def forget(work: Work, members: Sequence[str]) -> Counter[str]:
    """Empty what cases say about the members; gives how many said something of each."""
    c = case.c
    said = or_(c.subject != "", c.solution != "", c.custom != {})
    of_them = update(case).where(c.member == any_of(members), said)
    return Counter(work.session.scalars(of_them.values(subject="", solution="", custom={}).returning(c.member)).all())


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
