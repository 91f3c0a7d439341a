"""Words of the call center's pages for codes, and how the templates get them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from services.callcenter.contacts.reads import Choice
from shared.customer.fields import BUILT_IN
from shared.web.i18n import N_
from shared.web.render import Pages

TITLE = N_("Call center")
NAV = {"/": N_("Desk"), "/cases": N_("Open cases")}
STATES = {
    "offered": N_("waiting"),
    "answered": N_("in conversation"),
    "ended": N_("to be reviewed"),
    "wrapped_up": N_("reviewed"),
    "abandoned": N_("left unanswered"),
    "open": N_("open"),
    "resolved": N_("resolved"),
}
CHANNELS = {"phone": N_("Phone"), "chat": N_("Chat"), "web": N_("Web"), "email": N_("E-mail")}
FIELDS = tuple(text for field in BUILT_IN.values() for text in (field.label, *field.choices))
"""Texts of the built-in fields, which templates translate where they show them."""

FOLDERS = tuple(Path(__file__).parent / name / "templates" for name in ("desk", "customers", "contacts", "cases"))


def pages() -> Pages:
    """The call center's pages."""
    return Pages(TITLE, NAV, FOLDERS, words)


def words(gettext: Callable[[str], str], language: str) -> dict[str, Any]:
    """What templates call for the words of a code, in one language."""

    def queue_name(queues: Sequence[Choice], code: str) -> str:
        return next((queue.label(language) for queue in queues if queue.code == code), code)

    return {
        "state_name": lambda code: gettext(STATES[code]),
        "channel_name": lambda code: gettext(CHANNELS[code]),
        "queue_name": queue_name,
        "duration": duration,
    }


def duration(seconds: float) -> str:
    """Seconds as people read them: 45 s, 3 min 20 s, 5 h 10 min, 2 d 4 h."""
    for unit, of_it, below, of_below in (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= of_it:
            whole, rest = divmod(int(seconds), of_it)
            part = rest // of_below
            return f"{whole} {unit} {part} {below}" if part else f"{whole} {unit}"
    return f"{int(seconds)} s"
