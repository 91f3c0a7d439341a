"""Facts published by sync: who is the same customer, and what field reps wrote on their devices."""

from __future__ import annotations

import msgspec

from shared.events.facts import Fact, Personal, fact


@fact("customer.assigned", stream="customer", about="cluster")
class CustomerAssigned(Fact, frozen=True, kw_only=True):
    """The member belongs to this cluster: it is the same customer as the cluster's other members.

    A cluster has the id of its least member. A member of which nothing was said is a cluster of its own.
    """

    cluster: str
    because: str
    """A code: ``phone``, ``email``, ``person`` or ``apart`` (nothing joins it to others any more)."""


@fact("customer.joined", stream="customer", about="other")
class CustomerJoined(Fact, frozen=True, kw_only=True):
    """A person decided that this member and another are the same customer. Of a pair the newest decision holds."""

    other: str
    reason: str = ""
    """A code: why they were found to be; empty where none was given."""


@fact("customer.parted", stream="customer", about="other")
class CustomerParted(Fact, frozen=True, kw_only=True):
    """A person decided that this member and another are different customers. Of a pair the newest decision holds."""

    other: str
    reason: str = ""
    """A code: why they were found to be; empty where none was given."""


@fact("note.added", stream="customer", about="note")
class NoteAdded(Fact, frozen=True, kw_only=True):
    """A field rep wrote something down about the customer."""

    note: str
    text: Personal
    device: str = ""
    number: int = 0
    """Of the device's mutation."""


class RequestedLine(msgspec.Struct, frozen=True, kw_only=True):
    """So many of one product, at the price that the device showed."""

    product: str
    quantity: int = 1
    unit_price: int = 0
    """As the rep saw it, in minor units."""


@fact("order.requested", stream="customer", about="order")
class OrderRequested(Fact, frozen=True, kw_only=True):
    """A rep took an order on a device; sales force automation places or refuses it under the same id."""

    order: str
    lines: tuple[RequestedLine, ...]
    currency: str
    rep: str
    territory: str
    """In which the customer was when the order came in; empty where there were no territories."""
    device: str
    number: int
    """Of the device's mutation."""


@fact("device.enrolled", stream="device", about="device")
class DeviceEnrolled(Fact, frozen=True, kw_only=True):
    """A rep's device may pull and push; said again when it has got another key, also after it was revoked."""

    device: str
    rep: str


@fact("device.revoked", stream="device", about="device")
class DeviceRevoked(Fact, frozen=True, kw_only=True):
    """The device may no longer pull; what it still pushes is set aside for a person to look at."""

    device: str
    reason: str = "lost"
    """A code: ``lost``, ``replaced``, ``left`` (the rep has left), ``misuse`` or ``copied`` (two have used its key)."""
