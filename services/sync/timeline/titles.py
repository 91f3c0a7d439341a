"""What people read as the name of an event, by its type."""

from __future__ import annotations

from collections.abc import Callable

Translate = Callable[[str], str]
"""English text -> text in the reader's language."""

TITLES = {
    "contact.offered": "Contact waiting",
    "contact.answered": "Contact answered",
    "contact.abandoned": "Contact abandoned",
    "contact.ended": "Contact ended",
    "contact.wrapped_up": "Contact reviewed",
    "case.opened": "Case opened",
    "case.resolved": "Case resolved",
    "customer.registered": "Customer registered",
    "customer.edited": "Customer's record changed",
    "customer.erased": "Personal data erased",
    "custom_field.defined": "Field defined",
    "sequence.voided": "Event lost",
}
"""A text for every type in the catalogue; each is translated in shared/web."""

GROUPS = {"contact": "Contacts", "case": "Cases", "customer": "Record"}
"""Groups of types by which a timeline can be filtered: what stands before the dot of a type."""


def title(event_type: str, translate: Translate) -> str:
    """The title of an event; of a type that isn't known here, the words of its type."""
    known = TITLES.get(event_type)
    return translate(known) if known else event_type.replace(".", " ").replace("_", " ").capitalize()
