"""Codes of the platform in events, in words. Codes that departments define are in the vocabulary. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from shared.texts import N_

CODES: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("contact.offered", "channel"): {
        "phone": N_("Phone"),
        "chat": N_("Chat"),
        "web": N_("Web"),
        "email": N_("E-mail"),
    },
    ("case.moved", "state"): {"open": N_("open")},
    ("order.placed", "channel"): {
        "device": N_("from a device"),
        "desk": N_("at the desk"),
        "web": N_("on the web"),
        "import": N_("read in"),
    },
    ("order.moved", "state"): {"placed": N_("ordered"), "provisioned": N_("set up")},
    ("order.refused", "reason"): {
        "unknown_product": N_("there is no such product"),
        "not_on_sale": N_("the product isn't on sale any more"),
        "not_in_territory": N_("the rep doesn't look after this customer"),
        "erased": N_("the customer was erased"),
        "person": N_("a person refused it"),
    },
    ("order.delayed", "problem"): {
        "no_stock": N_("not in stock"),
        "no_access": N_("no access to the place"),
        "technical": N_("technical problem"),
        "customer_absent": N_("the customer was absent"),
    },
    ("order.delivered", "how"): {"on_site": N_("on site"), "remote": N_("remote")},
    ("order.cancelled", "reason"): {
        "customer": N_("the customer doesn't want it any more"),
        "impossible": N_("it can't be carried out"),
        "error": N_("recorded by mistake"),
    },
    ("segment.left", "because"): {
        "time": N_("what counted fell out of the window"),
        "cancelled": N_("an order was cancelled"),
        "field": N_("a field of the customer has another value"),
        "link": N_("it is the same customer as another, or isn't any more"),
        "rule": N_("the segment is defined anew"),
        "correction": N_("it was corrected"),
    },
    ("customer.assigned", "because"): {
        "phone": N_("the same phone number"),
        "email": N_("the same e-mail address"),
        "person": N_("a person decided it"),
        "apart": N_("nothing joins it to others any more"),
    },
    ("customer.registered", "origin"): {
        "desk": N_("at the desk"),
        "call": N_("by a call"),
        "import": N_("read in"),
        "device": N_("from a device"),
    },
    ("customer.erased", "reason"): {
        "request": N_("The person asks for it"),
        "retention": N_("Kept long enough"),
        "error": N_("Recorded by mistake"),
    },
}
"""(Event type, data) -> code -> what it is called. A code that isn't here is shown as it is."""
