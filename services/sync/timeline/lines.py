"""What an entry says, as lines of label and value for people. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from services.sync.timeline.codes import CODES
from services.sync.timeline.rules import Entry
from services.sync.timeline.titles import Translate
from shared.customer.fields import CUSTOM, Field, UnknownField, field
from shared.events.envelope import UUID_TEXT
from shared.events.facts import FACT_TYPES
from shared.texts import N_

LABELS = {
    "channel": N_("Channel"),
    "queue": N_("Queue"),
    "address": N_("Number or address"),
    "agent": N_("Agent"),
    "waited_seconds": N_("Waited"),
    "talked_seconds": N_("Talked"),
    "reason": N_("Reason"),
    "outcome": N_("Outcome"),
    "satisfaction": N_("Satisfaction"),
    "note": N_("Note"),
    "subject": N_("Subject"),
    "requested": N_("Requested"),
    "solution": N_("Solution"),
    "seconds_to_solution": N_("Time to the solution"),
    "immediate": N_("Within three minutes"),
    "origin": N_("Came in by"),
    "contact": N_("Contact"),
    "case": N_("Case"),
    "product": N_("Product"),
    "place": N_("Place"),
    "order": N_("Order"),
    "lines": N_("Ordered"),
    "total": N_("Total"),
    "amount": N_("Amount"),
    "currency": N_("Currency"),
    "rep": N_("Sales rep"),
    "territory": N_("Territory"),
    "device": N_("Device"),
    "promised": N_("Promised"),
    "problem": N_("Problem"),
    "how": N_("How"),
    "text": N_("Text"),
    "other": N_("Other customer"),
    "cluster": N_("Customer"),
    "segment": N_("Segment"),
    "because": N_("Because of"),
    "orders": N_("Orders"),
    "window_days": N_("In so many days"),
    "last_order": N_("Last order"),
    "places": N_("Forgotten in"),
    "open": N_("Not answered yet"),
    "exports": N_("Exported before"),
    "step": N_("State"),
}
"""Names of data in the events of today; of what isn't here, its own name is shown."""

_SECONDS = "seconds"
_MONEY = ("total", "amount")
_LEFT_OUT = ("number",)
"""Counters between machines."""
_CUSTOM = "custom"

_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})")


class Line(NamedTuple):
    """One thing that an event says. ``value`` is none where a text is gone or can't be read."""

    label: str
    value: str | datetime | None
    personal: bool = False
    """A text that somebody wrote, or said of the customer."""
    masked: bool = False
    """It isn't shown to this reader."""


Word = Callable[[str, str, str], str | None]
"""(department, kind, code) -> what the department calls it, in the reader's language; none for what isn't known."""

_FIELD_KINDS = {"contact": "contact_field", "case": "case_field", "order": "order_field"}
"""Group of event types -> the kind of the fields that their ``custom`` holds."""
_CODE_KINDS = {
    "contact": {"reason": "reason", "outcome": "outcome", "queue": "queue"},
    "case": {"reason": "reason", "step": "case_state"},
    "order": {"step": "order_state"},
}
"""Group of event types -> data -> the kind of definition that it is the code of."""


def lines(entry: Entry, custom: Mapping[str, Field], translate: Translate, word: Word = lambda *_: None) -> list[Line]:
    """All that an entry's data say, without ids and without what its heading says already."""
    known, group = FACT_TYPES.get(entry.type), entry.type.partition(".")[0]
    masked, kinds = set(entry.masked), _CODE_KINDS.get(group, {})
    texts = {plan[0] for plan in known.personal} if known else set()

    def own_label(code: str) -> str:
        of_it = word(entry.source, _FIELD_KINDS[group], code) if group in _FIELD_KINDS else None
        return of_it or _field_label(CUSTOM + code, custom, translate)

    said: list[Line] = []
    for name, value in (entry.data or {}).items():
        if name == _CUSTOM and isinstance(value, dict):
            said += [Line(own_label(code), text, True) for code, text in value.items()]
        elif name in texts:
            said += _texts(name, value, custom, translate, masked)
        elif name not in (entry.about.kind, *_LEFT_OUT) and _says(value, entry):
            called = word(entry.source, kinds[name], str(value)) if name in kinds else None
            if code := CODES.get((entry.type, name), {}).get(str(value)):
                called = translate(code)
            said.append(Line(_label(name, translate), called) if called else _line(name, value, translate))
    gone = (path for path in entry.masked if not path.startswith("claims."))
    return said + [_masked(path, own_label, translate) for path in gone]


def _masked(path: str, own_label: Callable[[str], str], translate: Translate) -> Line:
    """The line of what is left out of the data."""
    name, _, key = path.partition(".")
    return Line(own_label(key) if key else _label(name, translate), None, True, True)


def _says(value: Any, entry: Entry) -> bool:
    """Whether a value tells people something: it isn't empty, an id, ids, or the author."""
    if isinstance(value, list):
        return not all(map(_is_id, value))
    return value not in (None, "", entry.author) and not _is_id(value)


def _texts(
    name: str, value: Any, custom: Mapping[str, Field], translate: Translate, masked: Collection[str]
) -> list[Line]:
    """A personal text, or the texts of claims."""
    if isinstance(value, list):
        claims = [(f"{name}.{n}.value", claim) for n, claim in enumerate(value) if isinstance(claim, dict)]
        return [
            Line(_field_label(str(claim.get("field")), custom, translate), claim.get("value"), True, path in masked)
            for path, claim in claims
        ]
    return [] if value == "" else [Line(_label(name, translate), value, True)]


def _line(name: str, value: Any, translate: Translate) -> Line:
    label = _label(name, translate)
    if isinstance(value, bool):
        return Line(label, translate(N_("yes")) if value else translate(N_("no")))
    if isinstance(value, float | int) and _SECONDS in name:
        return Line(label, duration(value))
    if isinstance(value, int) and name in _MONEY:
        return Line(label, money(value))
    if isinstance(value, list):
        return Line(label, ", ".join(map(_one_of, value)))
    if isinstance(value, dict):
        return Line(label, ", ".join(f"{_one_of(key)} ({count})" for key, count in sorted(value.items())))
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        with suppress(ValueError):
            return Line(label, datetime.fromisoformat(value))
    return Line(label, str(value).replace("_", " "))


def money(minor: int) -> str:
    """Minor units as an amount: ``12.50``."""
    sign, units = "-" * (minor < 0), abs(minor)
    return f"{sign}{units // 100}.{units % 100:02d}"


def _one_of(value: Any) -> str:
    """One of several values; of the lines of an order how many of what."""
    if isinstance(value, dict):
        return f"{value.get('quantity', 1)} × {value.get('name') or value.get('product', '')}"  # noqa: RUF001
    return str(value)


def duration(seconds: float) -> str:
    """A time as hours, minutes and seconds: ``2:05``, ``1:00:00``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _label(name: str, translate: Translate) -> str:
    return translate(LABELS[name]) if name in LABELS else name.replace("_", " ").capitalize()


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and UUID_TEXT.fullmatch(value) is not None


def _field_label(name: str, custom: Mapping[str, Field], translate: Translate) -> str:
    try:
        return translate(field(name, custom).label)
    except UnknownField:
        return name
