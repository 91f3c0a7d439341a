"""Words of the call center's pages for codes, and how the templates get them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from babel.numbers import format_currency, get_currency_precision

from shared.administration import desk
from shared.customer.definitions import Definition
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
FIELDS = tuple(text for field in BUILT_IN.values() for text in (field.label, *field.choices))
"""Texts of the built-in fields, which templates translate where they show them."""

NAMES = ("desk", "customers", "contacts", "cases", "insights", "outages")
FOLDERS = tuple(Path(__file__).parent / name / "templates" for name in NAMES)


def pages() -> Pages:
    """The call center's pages."""
    return desk.pages(TITLE, NAV, FOLDERS, words)


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
    }


def money(amount: int, currency: str, language: str) -> str:
    """Minor units as people of the language read them: 1234 USD is $12.34."""
    digits = get_currency_precision(currency)
    return format_currency(Decimal(amount).scaleb(-digits), currency, locale=language)


def duration(seconds: float) -> str:
    """Seconds as people read them: 45 s, 3 min 20 s, 5 h 10 min, 2 d 4 h."""
    for unit, of_it, below, of_below in (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= of_it:
            whole, rest = divmod(int(seconds), of_it)
            part = rest // of_below
            return f"{whole} {unit} {part} {below}" if part else f"{whole} {unit}"
    return f"{int(seconds)} s"
