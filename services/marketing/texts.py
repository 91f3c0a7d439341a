"""Words of marketing's pages for codes, and how the templates get them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from babel.numbers import format_currency, get_currency_precision

from shared.administration import desk
from shared.web.i18n import N_
from shared.web.render import Pages

TITLE = N_("Marketing")
NAV = {"/": N_("Segment")}
REASONS = {
    "time": N_("orders fell out of the window"),
    "cancelled": N_("an order was cancelled"),
}
"""Why a customer left the segment."""
FOLDERS = tuple(Path(__file__).parent / name / "templates" for name in ("segments", "profiles"))


def pages() -> Pages:
    """Marketing's pages."""
    return desk.pages(TITLE, NAV, FOLDERS, words)


def words(gettext: Callable[[str], str], language: str) -> dict[str, Any]:
    """What templates call, in one language."""

    def money(minor: int, currency: str) -> str:
        amount = Decimal(minor).scaleb(-get_currency_precision(currency))
        return str(format_currency(amount, currency, locale=language))

    return {"money": money, "reason_name": lambda code: gettext(REASONS[code])}
