"""Facts published by the call center."""

from __future__ import annotations

import msgspec

from shared.events.facts import Fact, Instant, Personal, fact


@fact("contact.offered", stream="customer", about="contact")
class ContactOffered(Fact, frozen=True, kw_only=True):
    """A customer reached out and waits in a queue: the phone rings."""

    contact: str
    channel: str
    """``phone``, ``chat``, ``web`` or ``email``."""
    queue: str
    address: Personal = ""
    """Number or address that the contact came from, as it was shown."""


@fact("contact.answered", stream="customer", about="contact")
class ContactAnswered(Fact, frozen=True, kw_only=True):
    """An agent took the contact."""

    contact: str
    agent: str
    waited_seconds: float = 0.0


@fact("contact.abandoned", stream="customer", about="contact")
class ContactAbandoned(Fact, frozen=True, kw_only=True):
    """The customer left before an agent answered."""

    contact: str
    waited_seconds: float = 0.0


@fact("contact.ended", stream="customer", about="contact")
class ContactEnded(Fact, frozen=True, kw_only=True):
    """The conversation is over; the wrap-up begins."""

    contact: str
    agent: str
    talked_seconds: float = 0.0


@fact("contact.wrapped_up", stream="customer", about="contact")
class ContactWrappedUp(Fact, frozen=True, kw_only=True):
    """The agent closed the contact with its review."""

    contact: str
    agent: str
    reason: str
    outcome: str
    satisfaction: int | None = None
    """1 (very dissatisfied) to 5 (very satisfied); none when the customer gave none."""
    note: Personal = ""
    custom: dict[str, Personal] = msgspec.field(default_factory=dict)


@fact("case.opened", stream="customer", about="case")
class CaseOpened(Fact, frozen=True, kw_only=True):
    """Something that the customer asked for couldn't be left at the contact, or is to be measured."""

    case: str
    reason: str
    subject: Personal
    contact: str | None = None
    requested: Instant
    """When the customer asked, from which the time to the solution counts."""
    product: str = ""
    """What it is about, if anything that the company sells."""
    place: str = ""
    """Where, as coarse as an area or a city; never an address."""
    custom: dict[str, Personal] = msgspec.field(default_factory=dict)


@fact("case.moved", stream="customer", about="case")
class CaseMoved(Fact, frozen=True, kw_only=True):
    """The department put a case into a state of its own. The platform's state is still the same."""

    case: str
    step: str
    """Code of a definition of the kind ``case_state``; empty: it is in none any more."""
    state: str = "open"
    """The platform's state, of which it is a part."""


@fact("case.described", stream="customer", about="case")
class CaseDescribed(Fact, frozen=True, kw_only=True):
    """The department wrote other values into its own fields of a case than these had."""

    case: str
    custom: dict[str, Personal]
    """Those that are different from now on; empty: it has none any more. Once erased, all are empty."""


@fact("case.resolved", stream="customer", about="case")
class CaseResolved(Fact, frozen=True, kw_only=True):
    """The customer has the solution."""

    case: str
    solution: Personal = ""
    seconds_to_solution: float
    immediate: bool
    """Solved within three minutes of the request."""
    queue: str = ""
    """Of the contact at which the case was opened; empty if it was opened at none."""


@fact("outage.proposed", stream="outage", about="outage")
class OutageProposed(Fact, frozen=True, kw_only=True):
    """So many cases of one product in one place came at once that something bigger may be wrong."""

    outage: str
    product: str
    place: str
    since: Instant
    """When the first of the cases was opened."""
    cases: tuple[str, ...]
    """The cases that it was seen from."""


@fact("outage.confirmed", stream="outage", about="outage")
class OutageConfirmed(Fact, frozen=True, kw_only=True):
    """A supervisor looked: it is an outage."""

    outage: str


@fact("outage.dismissed", stream="outage", about="outage")
class OutageDismissed(Fact, frozen=True, kw_only=True):
    """A supervisor looked: it is none, or it is over."""

    outage: str
    reason: str = "no_outage"
    """A code: ``no_outage`` or ``over``."""
