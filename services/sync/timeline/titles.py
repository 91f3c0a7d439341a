"""What people read as the name of an event, by its type."""

from __future__ import annotations

from collections.abc import Callable

from shared.texts import N_

Translate = Callable[[str], str]
"""English text -> text in the reader's language."""

TITLES = {
    "contact.offered": N_("Contact waiting"),
    "contact.answered": N_("Contact answered"),
    "contact.abandoned": N_("Contact abandoned"),
    "contact.ended": N_("Contact ended"),
    "contact.wrapped_up": N_("Contact reviewed"),
    "case.opened": N_("Case opened"),
    "case.moved": N_("Case put into a state"),
    "case.described": N_("Case described anew"),
    "case.resolved": N_("Case resolved"),
    "customer.registered": N_("Customer registered"),
    "customer.edited": N_("Customer's record changed"),
    "customer.erased": N_("Personal data erased"),
    "customer.forgotten": N_("Personal data forgotten"),
    "customer.assigned": N_("Found to be the same customer"),
    "customer.joined": N_("Joined by a person"),
    "customer.parted": N_("Parted by a person"),
    "customer.territory_assigned": N_("Territory assigned"),
    "customer.valued": N_("Value worked out"),
    "segment.entered": N_("Segment entered"),
    "segment.left": N_("Segment left"),
    "order.requested": N_("Order requested"),
    "order.placed": N_("Order placed"),
    "order.refused": N_("Order refused"),
    "order.provisioned": N_("Order set up"),
    "order.moved": N_("Order put into a state"),
    "order.delayed": N_("Order delayed"),
    "order.delivered": N_("Order delivered"),
    "order.cancelled": N_("Order cancelled"),
    "note.added": N_("Note added"),
    "outage.proposed": N_("Outage suspected"),
    "outage.confirmed": N_("Outage confirmed"),
    "outage.dismissed": N_("Outage dismissed"),
    "territory.defined": N_("Territory defined"),
    "territory.rep_assigned": N_("Sales rep assigned"),
    "territory.rep_withdrawn": N_("Sales rep withdrawn"),
    "product.defined": N_("Product defined"),
    "segment.defined": N_("Segment defined"),
    "device.enrolled": N_("Device enrolled"),
    "device.revoked": N_("Device revoked"),
    "heads.reported": N_("Sign of life"),
    "service.left": N_("Service given up"),
    "custom_field.defined": N_("Field defined"),
    "definition.made": N_("List or field defined"),
    "sequence.voided": N_("Event lost"),
}
"""A text for every type in the catalogue; each is translated in shared/web."""

GROUPS = {
    "contact": N_("Contacts"),
    "case": N_("Cases"),
    "order": N_("Orders"),
    "note": N_("Notes"),
    "segment": N_("Segments"),
    "customer": N_("Record"),
}
"""Groups of types by which a timeline can be filtered: what stands before the dot of a type."""

PROBLEMS = {
    "key missing": N_("Its text can't be read until the key has come."),
    "not authentic": N_("Its text isn't shown, as it isn't what was sealed."),
    "not readable by this release": N_("It needs a newer release to be read."),
}
"""Why an entry's text can't be read, by the code in its answer."""


def title(event_type: str, translate: Translate) -> str:
    """The title of an event; of a type that isn't known here, the words of its type."""
    known = TITLES.get(event_type)
    return translate(known) if known else event_type.replace(".", " ").replace("_", " ").capitalize()
