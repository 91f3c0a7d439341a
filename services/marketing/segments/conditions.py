"""What a segment's rule asks of departments' own fields, of customers, reviews, cases and orders. Pure.

A condition on a field of customers holds as long as a member of the customer has such a value. One on a field of
reviews, cases or orders holds as long as one of these that says so counts: as an order does, from its instant until
the window's length has passed, or until the order was cancelled. Each needs a value: what was never said fits nothing.
A condition names the form of its field, which never changes, so it holds whatever is heard of the definition and when.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from shared.access.actions import TEXT
from shared.customer.definitions import CUSTOMER_FIELD, Definition, field_of
from shared.customer.fields import CUSTOM, InvalidValue, parse
from shared.texts import N_, Saying

CONTACT_FIELD, CASE_FIELD, ORDER_FIELD = "contact_field", "case_field", "order_field"
FACT_FIELDS = (CONTACT_FIELD, CASE_FIELD, ORDER_FIELD)
IS, IS_NOT, CONTAINS, AT_LEAST, AT_MOST = "is", "is_not", "contains", "at_least", "at_most"
TESTS: Mapping[str, tuple[str, ...]] = {
    "text": (IS, IS_NOT, CONTAINS),
    "long_text": (CONTAINS,),
    "number": (AT_LEAST, AT_MOST),
    "date": (AT_LEAST, AT_MOST),
    "boolean": (IS,),
    "choice": (IS, IS_NOT),
    "set": (IS,),
}
"""What can be asked of a field by what it holds. Numbers of telephones and addresses name one person, and stand in no
rule: rules are kept for ever."""
MOST = 20
"""Conditions of one rule."""

NUMBER = r"-?[0-9]{1,30}([.][0-9]{1,30})?"
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
"""What values look like that can be compared: the same pattern to Python and to PostgreSQL."""

Value = str | tuple[str, ...]


class NotTestable(Saying, ValueError):
    """The condition can't be asked; the text says why."""


@dataclass(frozen=True)
class Condition:
    """One thing that is asked."""

    kind: str
    """``customer_field``, ``contact_field``, ``case_field`` or ``order_field``."""
    department: str
    """Whose field it is; empty for fields of customers, which all departments share."""
    code: str
    form: str
    test: str
    value: str
    """In the form in which such values are kept."""

    @property
    def of(self) -> tuple[str, str, str]:
        """The definition that it asks by."""
        return self.kind, self.department, self.code

    @property
    def field(self) -> str:
        """The customers' field that it asks; empty where it asks no customers."""
        return CUSTOM + self.code if self.kind == CUSTOMER_FIELD else ""

    @property
    def seen_as(self) -> str:
        """The name under which roles show the field or hide it."""
        return self.field or TEXT


class Span(NamedTuple):
    """From when to when something that a condition asks is so. ``because``: why it ends."""

    begin: datetime
    end: datetime
    because: str


def asked(definition: Definition, department: str, test: str, value: str) -> Condition:
    """The condition that somebody describes. Raises ``NotTestable``."""
    tests = TESTS.get(definition.form, ())
    if test not in tests:
        raise NotTestable(N_("the field %(code)s can't be asked so"), code=definition.code)
    try:
        kept = parse(field_of(definition), "+" + value.strip() if definition.form == "set" else value)
    except InvalidValue as error:
        raise NotTestable(error) from None
    kept = kept[1:] if definition.form == "set" else kept
    if not kept:
        raise NotTestable(N_("%(code)s: there is nothing to compare with"), code=definition.code)
    whose = "" if definition.kind == CUSTOMER_FIELD else department
    return Condition(definition.kind, whose, definition.code, definition.form, test, kept)


def holds(condition: Condition, value: Value) -> bool:
    """Whether the value, or one of several, is as it is asked."""
    values = (value,) if isinstance(value, str) else value
    return any(_HOLDS[condition.test](condition, one) for one in values if one)


def _compared(condition: Condition, value: str, fits: Callable[[int], bool]) -> bool:
    if condition.form == "number":
        # What was written before the field was known to hold numbers may be anything.
        return bool(re.fullmatch(NUMBER, value)) and fits(_sign(Decimal(value), Decimal(condition.value)))
    return bool(re.fullmatch(DATE, value)) and fits((value > condition.value) - (value < condition.value))


def _sign(one: Decimal, other: Decimal) -> int:
    return (one > other) - (one < other)


_HOLDS: Mapping[str, Callable[[Condition, str], bool]] = {
    IS: lambda condition, value: value == condition.value,
    IS_NOT: lambda condition, value: value != condition.value,
    CONTAINS: lambda condition, value: condition.value in value,
    AT_LEAST: lambda condition, value: _compared(condition, value, lambda sign: sign >= 0),
    AT_MOST: lambda condition, value: _compared(condition, value, lambda sign: sign <= 0),
}


def spans(history: Iterable[tuple[datetime, Value]], condition: Condition, never: datetime, because: str) -> list[Span]:
    """When the condition holds of a value that was this from each of these instants on, the oldest first."""
    found: list[Span] = []
    since: datetime | None = None
    for at, value in history:
        fits = holds(condition, value)
        if fits and since is None:
            since = at
        elif since is not None and not fits:
            found.append(Span(since, at, because))
            since = None
    return found if since is None else [*found, Span(since, never, because)]
