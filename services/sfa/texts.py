"""Words of the pages of sales force automation for codes, and how the templates get them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from shared.administration import desk
from shared.customer.fields import BUILT_IN
from shared.texts import N_
from shared.web.render import Pages

TITLE = N_("Sales")
NAV = {
    "/": N_("Customers"),
    "/orders": N_("Orders"),
    "/requests": N_("From devices"),
    "/territories": N_("Territories"),
    "/reps": N_("Reps"),
    "/products": N_("Products"),
}
STATES = {
    "": N_("all"),
    "open": N_("open"),
    "late": N_("late"),
    "placed": N_("placed"),
    "provisioned": N_("provisioned"),
    "delayed": N_("delayed"),
    "moved": N_("put into a state"),
    "delivered": N_("delivered"),
    "cancelled": N_("cancelled"),
    "undecided": N_("not looked at yet"),
    "waiting": N_("waits for a person"),
    "refused": N_("refused"),
}
CODES = {
    "no_stock": N_("not in stock"),
    "no_access": N_("no access to the place"),
    "technical": N_("technical problem"),
    "customer_absent": N_("the customer was absent"),
    "customer": N_("the customer doesn't want it any more"),
    "impossible": N_("it can't be carried out"),
    "error": N_("recorded by mistake"),
    "on_site": N_("on site"),
    "remote": N_("remote"),
    "device": N_("from a device"),
    "desk": N_("at the desk"),
    "web": N_("on the web"),
    "import": N_("read in"),
    "unknown_product": N_("there is no such product"),
    "not_on_sale": N_("the product isn't on sale any more"),
    "not_in_territory": N_("the rep doesn't look after this customer"),
    "erased": N_("the customer was erased"),
    "person": N_("a person refused it"),
    "order_exists": N_("another order has this id already"),
    "too_old": N_("it is older than 30 days"),
    "other_currency": N_("it is in another currency"),
    "not_understood": N_("its lines can't be understood"),
}
FIELDS = tuple(text for field in BUILT_IN.values() for text in (field.label, *field.choices))
"""Texts of the built-in fields, which templates translate where they show them."""

FOLDERS = tuple(
    Path(__file__).parent / name / "templates"
    for name in ("customers", "territories", "products", "orders", "requests")
)


def pages() -> Pages:
    """The pages of sales force automation."""
    return desk.pages(TITLE, NAV, FOLDERS, words)


def words(gettext: Callable[[str], str], language: str) -> dict[str, Any]:
    """What templates call for the words of a code, in one language."""
    return {
        "state_name": lambda code: gettext(STATES[code]),
        "code_name": lambda code: gettext(CODES[code]) if code in CODES else code,
        "codes": lambda *names: [(name, gettext(CODES[name])) for name in names],
    }
