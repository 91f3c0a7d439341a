"""Facts published by marketing. What is worked out per cluster is told in the stream of each of its members.

Derived: they say what follows from other facts as far as marketing has heard of them, and are published only when
they differ from what was said last.
"""

from __future__ import annotations

import msgspec

from shared.events.facts import Fact, Instant, fact


class SegmentCondition(msgspec.Struct, frozen=True, kw_only=True):
    """What a segment's rule asks of a department's own field."""

    kind: str
    """``customer_field``, ``contact_field``, ``case_field`` or ``order_field``."""
    department: str = ""
    """Whose field it is; empty for fields of customers, which all departments share."""
    code: str
    form: str
    """What the field holds, as ``definition.made`` and ``custom_field.defined`` say it."""
    test: str
    """``is``, ``is_not``, ``contains``, ``at_least`` or ``at_most``."""
    value: str


@fact("segment.defined", stream="segment", about="segment")
class SegmentDefined(Fact, frozen=True, kw_only=True):
    """A segment's rule: customers whose measure over the window reaches the threshold, and of whom all conditions hold.
    The newest holds."""

    segment: str
    name: str
    currency: str
    measure: str
    """``orders.amount``: what was ordered and not cancelled, in minor units."""
    window_days: int
    at_least: int
    """0 where the conditions alone decide."""
    conditions: tuple[SegmentCondition, ...] = ()


@fact("customer.valued", stream="customer")
class CustomerValued(Fact, frozen=True, kw_only=True):
    """What the customer is worth, seen from the orders of a window that ends now."""

    cluster: str
    """Of which it was worked out: members of one cluster have one value between them, never to be added up."""
    amount: int
    """In minor units."""
    currency: str
    window_days: int
    orders: int
    """How many are in the window."""
    last_order: Instant | None = None


@fact("segment.entered", stream="customer", about="segment")
class SegmentEntered(Fact, frozen=True, kw_only=True):
    """The customer is in the segment since the event's time. Said again when a late fact moves that instant."""

    segment: str
    because: tuple[str, ...] = ()
    """The orders that decided, the newest last."""


@fact("segment.left", stream="customer", about="segment")
class SegmentLeft(Fact, frozen=True, kw_only=True):
    """The customer is no longer in the segment since the event's time."""

    segment: str
    because: str
    """A code: ``time`` (what counted fell out of the window), ``cancelled``, ``field`` (a field that the rule asks has
    another value), ``link``, ``rule`` or ``correction``."""
