"""Words of marketing's pages for codes, and how the templates get them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from shared.administration import desk
from shared.web.i18n import N_
from shared.web.render import Pages

TITLE = N_("Marketing")
NAV = {"/": N_("Segments")}
REASONS = {
    "time": N_("orders fell out of the window"),
    "cancelled": N_("an order was cancelled"),
}
"""Why a customer left the segment."""
FOLDERS = tuple(Path(__file__).parent / name / "templates" for name in ("segments", "satisfaction", "profiles"))


def pages() -> Pages:
    """Marketing's pages."""
    return desk.pages(TITLE, NAV, FOLDERS, words)


def words(gettext: Callable[[str], str], language: str) -> dict[str, Any]:
    """What templates call, in one language."""
    return {"reason_name": lambda code: gettext(REASONS[code])}
