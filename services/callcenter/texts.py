"""Words of the call center's pages for codes, and how the templates get them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from services.callcenter.cases.rules import DEFERRED_SECONDS
from services.callcenter.desk.rules import BREAKS
from shared.access.actions import Action
from shared.administration import desk
from shared.customer.definitions import Definition
from shared.customer.fields import BUILT_IN
from shared.texts import N_
from shared.web.render import Pages, money

TITLE = N_("Call center")
NAV = {"/": N_("Desk"), "/cases": N_("Open cases")}
FEW = {"/supervisor": (N_("Supervisor"), Action.OUTAGE_DECIDE)}
STATES = {
    "offered": N_("waiting"),
    "answered": N_("in conversation"),
    "ended": N_("to be reviewed"),
    "wrapped_up": N_("reviewed"),
    "abandoned": N_("left unanswered"),
    "open": N_("open"),
    "resolved": N_("resolved"),
}
RELATIONS = {"prospect": N_("prospect"), "customer": N_("customer"), "lapsed": N_("lapsed")}
ORDERS = {
    "requested": N_("requested"),
    "placed": N_("ordered"),
    "provisioned": N_("set up"),
    "delayed": N_("delayed"),
    "delivered": N_("delivered"),
    "cancelled": N_("cancelled"),
    "refused": N_("refused"),
}
WRONG = {
    "overdue": N_("promise overdue"),
    "no_stock": N_("out of stock"),
    "no_access": N_("no access on site"),
    "technical": N_("technical problem"),
    "customer_absent": N_("customer was absent"),
}
OUTAGES = {
    "proposed": N_("to be decided"),
    "confirmed": N_("confirmed"),
    "no_outage": N_("no outage"),
    "over": N_("over"),
}
CASES = {"opened": N_("Case opened"), "resolved": N_("Case resolved")}
CHANNELS = {"phone": N_("Phone"), "chat": N_("Chat"), "web": N_("Web"), "email": N_("E-mail")}
PRESENCE = {
    "available": N_("Available"),
    "conversation": N_("In conversation"),
    "wrap_up": N_("In wrap-up"),
    "break": N_("Break"),
    "away": N_("Away"),
    "gone": N_("No page open"),
}
PAUSES = {
    "rest": N_("rest"),
    "meal": N_("meal"),
    "meeting": N_("meeting"),
    "training": N_("training"),
    "paperwork": N_("paperwork"),
}
PRESENCE_ICONS = {
    "available": "circle-check",
    "conversation": "phone-call",
    "wrap_up": "edit",
    "break": "coffee",
    "away": "user-off",
    "gone": "cloud-off",
}
CHANNEL_ICONS = {"phone": "phone", "chat": "message", "web": "world", "email": "mail"}
LINE_ICONS = {"case": "flag", "order": "shopping-cart", "note": "note"}
TONES = ("green", "yellow", "red")
FIELDS = tuple(text for field in BUILT_IN.values() for text in (field.label, *field.choices))
"""Texts of the built-in fields, which templates translate where they show them."""

NAMES = ("desk", "customers", "contacts", "cases", "insights", "outages")
FOLDERS = tuple(Path(__file__).parent / name / "templates" for name in NAMES)


def pages() -> Pages:
    """The call center's pages."""
    return desk.pages(TITLE, NAV, FOLDERS, words, FEW)


def words(gettext: Callable[[str], str], language: str) -> dict[str, Any]:
    """What templates call for the words of a code, in one language."""

    def queue_name(queues: Sequence[Definition], code: str) -> str:
        return next((queue.label(language) for queue in queues if queue.code == code), code)

    def name_in(names: Mapping[str, str], code: str) -> str:
        return gettext(names.get(code, code))

    return {
        "state_name": lambda code: gettext(STATES[code]),
        "channel_name": lambda code: gettext(CHANNELS[code]),
        "relation_name": partial(name_in, RELATIONS),
        "order_name": lambda code: gettext(ORDERS[code]),
        "wrong_name": partial(name_in, WRONG | ORDERS),
        "outage_name": lambda code: gettext(OUTAGES[code]),
        "case_name": lambda code: gettext(CASES[code]),
        "money": lambda amount, currency: money(amount, currency, language),
        "queue_name": queue_name,
        "duration": duration,
        "presence_name": partial(name_in, PRESENCE),
        "presence_icon": PRESENCE_ICONS.__getitem__,
        "break_name": partial(name_in, PAUSES),
        "breaks": BREAKS,
        "channel_icon": lambda code: CHANNEL_ICONS.get(code, "message"),
        "line_icon": lambda kind, step: LINE_ICONS.get(kind) or CHANNEL_ICONS.get(step, "message"),
        "clock_text": clock_text,
        "phase_tone": lambda seconds, limits: TONES[phase(seconds, limits)],
        "phase_word": lambda seconds, limits, said: said.split("|")[phase(seconds, limits)],
        "deadline": lambda requested: requested + timedelta(seconds=DEFERRED_SECONDS),
    }


def phase(seconds: float, limits: str) -> int:
    """How many of these limits, seconds with spaces between, are passed."""
    return sum(seconds > float(limit) for limit in limits.split())


def clock_text(seconds: float) -> str:
    """Seconds as a clock shows them that ticks: 0:05, 1:02:03, 2 d 1:02:03. As desk/browser/desk/clocks.ts."""
    minutes, second = divmod(max(0, int(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days} d {hour}:{minute:02}:{second:02}"
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


def duration(seconds: float) -> str:
    """Seconds as people read them: 45 s, 3 min 20 s, 5 h 10 min, 2 d 4 h."""
    for unit, of_it, below, of_below in (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= of_it:
            whole, rest = divmod(int(seconds), of_it)
            part = rest // of_below
            return f"{whole} {unit} {part} {below}" if part else f"{whole} {unit}"
    return f"{int(seconds)} s"
