"""Facts about a customer's record. Any service may meet, edit or erase a customer, so any may publish these."""

from __future__ import annotations

import msgspec

from shared.events.facts import Fact, Instant, Personal, fact


class ClaimMade(msgspec.Struct, frozen=True, kw_only=True):
    """One edit of one field: the value, and the claims of that field which its author saw (shared/customer)."""

    id: str
    field: str
    value: Personal
    saw: tuple[str, ...] = ()
    made: Instant
    """When the author made it; on a device, before the event."""


@fact("customer.registered", stream="customer")
class CustomerRegistered(Fact, frozen=True, kw_only=True):
    """A service met somebody it didn't know and named a new member."""

    claims: tuple[ClaimMade, ...] = ()
    origin: str = "desk"
    """What brought the customer in: ``desk``, ``call``, ``import`` or ``device``."""


@fact("customer.edited", stream="customer")
class CustomerEdited(Fact, frozen=True, kw_only=True):
    """Somebody changed fields of a customer."""

    claims: tuple[ClaimMade, ...]
    device: str = ""
    """On which it was done, if on one."""
    number: int = 0
    """Of the device's mutation."""


@fact("customer.erased", stream="customer")
class CustomerErased(Fact, frozen=True, kw_only=True):
    """The member's personal data are to be unreadable everywhere. Can't be taken back."""

    reason: str = "request"
    """A code, never free text: ``request`` (of the person), ``retention`` or ``error``."""


@fact("customer.forgotten", stream="customer")
class CustomerForgotten(Fact, frozen=True, kw_only=True):
    """What the publishing service forgot of an erased member: codes, counts and ids, and nothing about the person.

    A place that is named again counts anew. Where a copy may still be is named as open until it answers.
    """

    places: dict[str, int]
    """Code of a place (``records``, ``notes``, ``device/ID``) -> rows that were deleted or emptied there."""
    open: tuple[str, ...] = ()
    """Places that are known of and haven't answered yet: ``device/ID``."""
    exports: tuple[str, ...] = ()
    """Ids of the files, as the publishing service keeps them, into which the person was exported."""


@fact("custom_field.defined", stream="custom_field", about="name")
class CustomFieldDefined(Fact, frozen=True, kw_only=True):
    """A department added a field of its own to customers. Repeated with changes, the newest holds."""

    name: str
    """With its prefix, as claims name it: ``custom.contract``."""
    label: str
    kind: str
    policy: str = "latest"
    choices: tuple[str, ...] = ()
    """The values of a field of the kind ``choice``."""
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    """Language -> text; where a language is missing, ``label`` stands for it."""
    place: int = 0
    """In the list of fields."""
    retired: bool = False
    """It isn't to be filled any more; what was written in it stands."""


@fact("sequence.voided", stream="")
class SequenceVoided(Fact, frozen=True, kw_only=True):
    """The event that had this sequence was lost by the log itself and can't be had again; the stream goes on."""
