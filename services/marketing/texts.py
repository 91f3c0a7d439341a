"""Words of marketing's pages for codes, and how the templates get them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from shared.administration import desk
from shared.texts import N_
from shared.web.render import Pages

TITLE = N_("Marketing")
NAV = {"/": N_("Segments")}
REASONS = {
    "time": N_("what counted fell out of the window"),
    "cancelled": N_("an order was cancelled"),
    "field": N_("a field of the customer has another value"),
}
"""Why a customer left the segment."""
ABOUT = {
    "customer_field": N_("The customer"),
    "contact_field": N_("A review in these days"),
    "case_field": N_("A case in these days"),
    "order_field": N_("An order in these days"),
}
"""Of what a rule asks a department's own field."""
TESTS = {
    "is": N_("is"),
    "is_not": N_("is something else than"),
    "contains": N_("contains"),
    "at_least": N_("at least"),
    "at_most": N_("at most"),
}
"""How a rule asks a field."""
FOLDERS = tuple(Path(__file__).parent / name / "templates" for name in ("segments", "satisfaction", "profiles"))


def pages() -> Pages:
    """Marketing's pages."""
    return desk.pages(TITLE, NAV, FOLDERS, words)


def words(gettext: Callable[[str], str], language: str) -> dict[str, Any]:
    """What templates call, in one language."""
    return {
        "reason_name": lambda code: gettext(REASONS[code]),
        "about_name": lambda kind: gettext(ABOUT[kind]),
        "test_name": lambda test: gettext(TESTS[test]),
    }
