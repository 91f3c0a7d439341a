"""What can become of a contact: facts in, facts out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.events.callcenter import ContactAbandoned, ContactAnswered, ContactEnded, ContactWrappedUp
from shared.events.facts import Fact
from shared.texts import N_, Saying, Text


class NotPossible(Saying):
    """The contact isn't in a state in which this can be done; the text is for people."""


class OutOfTime(Saying, ValueError):
    """The instant lies before the step that it follows."""


@dataclass(frozen=True)
class Contact:
    """A contact as far as its rules look at it. All instants in UTC."""

    id: str
    member: str
    state: str
    offered: datetime
    answered: datetime | None = None
    ended: datetime | None = None
    wrapped_up: datetime | None = None
    abandoned: datetime | None = None
    agent: str | None = None


@dataclass(frozen=True)
class Review:
    """What the agent says at the end of a contact."""

    reason: str
    outcome: str
    satisfaction: int | None = None
    note: str = ""
    custom: Mapping[str, str] = field(default_factory=dict)
    """Values of the department's own fields, by code."""


ALLOWED: Mapping[str, tuple[str, ...]] = {
    N_("answer"): ("offered",),
    N_("abandon"): ("offered",),
    N_("end"): ("answered",),
    N_("wrap up"): ("answered", "ended"),
}
"""Step -> the states from which it can be taken."""
_CALLED = {
    "offered": N_("offered"),
    "answered": N_("answered"),
    "ended": N_("ended"),
    "wrapped_up": N_("wrapped up"),
    "abandoned": N_("abandoned"),
}
"""State -> what it is called in a refusal."""


def answer(contact: Contact, agent: str, at: datetime) -> list[Fact]:
    """An agent takes the contact. Raises ``NotPossible``, ``OutOfTime``."""
    _check(contact, "answer")
    waited = _seconds(contact.offered, at, N_("the instant lies before it was offered"))
    return [ContactAnswered(contact=contact.id, agent=agent, waited_seconds=waited)]


def abandon(contact: Contact, at: datetime) -> list[Fact]:
    """The customer leaves unanswered. Raises ``NotPossible``, ``OutOfTime``."""
    _check(contact, "abandon")
    waited = _seconds(contact.offered, at, N_("the instant lies before it was offered"))
    return [ContactAbandoned(contact=contact.id, waited_seconds=waited)]


def end(contact: Contact, at: datetime) -> list[Fact]:
    """The conversation is over. Raises ``NotPossible``, ``OutOfTime``."""
    _check(contact, "end")
    talked = _seconds(contact.answered or contact.offered, at, N_("the instant lies before it was answered"))
    return [ContactEnded(contact=contact.id, agent=contact.agent or "", talked_seconds=talked)]


def wrap_up(contact: Contact, review: Review, at: datetime) -> list[Fact]:
    """The review closes the contact, and ends it where it hasn't ended. Raises ``NotPossible``, ``OutOfTime``."""
    _check(contact, "wrap up")
    ending = end(contact, at) if contact.state == "answered" else []
    if contact.ended is not None:
        _seconds(contact.ended, at, N_("the instant lies before it ended"))
    wrapped = ContactWrappedUp(
        contact=contact.id,
        agent=contact.agent or "",
        reason=review.reason,
        outcome=review.outcome,
        satisfaction=review.satisfaction,
        note=review.note,
        custom=dict(review.custom),
    )
    return [*ending, wrapped]


def after(contact: Contact, facts: Sequence[Fact], at: datetime) -> Contact:
    """The contact once these facts of ``at`` have happened."""
    for fact in facts:
        match fact:
            case ContactAnswered():
                contact = replace(contact, state="answered", answered=at, agent=fact.agent)
            case ContactAbandoned():
                contact = replace(contact, state="abandoned", abandoned=at)
            case ContactEnded():
                contact = replace(contact, state="ended", ended=at)
            case ContactWrappedUp():
                contact = replace(contact, state="wrapped_up", wrapped_up=at)
    return contact


def field_of(address: str) -> str:
    """The field of a customer that a contact's address tells."""
    return "email" if "@" in address else "phone"


def _check(contact: Contact, step: str) -> None:
    if contact.state in ALLOWED[step]:
        return
    state = Text(_CALLED.get(contact.state, contact.state))
    if contact.state == "answered" and contact.agent:
        said = N_("a contact that is %(state)s by %(agent)s can't be taken through '%(step)s'; reload to see it")
        raise NotPossible(said, state=state, agent=contact.agent, step=Text(step))
    said = N_("a contact that is %(state)s can't be taken through '%(step)s'; reload to see it")
    raise NotPossible(said, state=state, step=Text(step))


def _seconds(since: datetime, at: datetime, otherwise: str) -> float:
    seconds = (at - since).total_seconds()
    if seconds < 0:
        raise OutOfTime(otherwise)
    return seconds
