"""What a customer is worth and when it was in the segment, from its orders. Pure.

An order counts from the instant it was placed until the window's length has passed, or until it was cancelled if
that is sooner. The value at an instant is the sum of the orders that count then; the customer is in the segment
while the value reaches the threshold and all that the rule asks of departments' own fields is so (conditions.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from services.marketing.segments.conditions import Condition, Span, Value, holds, spans

HIGH_VALUE = "high_value"
MEASURE = "orders.amount"
LONGEST_WINDOW = 3_660
"""Days."""

TIME, CANCELLED, FIELD, LINK, RULE, CORRECTION = "time", "cancelled", "field", "link", "rule", "correction"
"""Why somebody left, see ``SegmentLeft``."""

NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Definition:
    """Who is in the segment: customers whose orders of the last ``window_days`` amount to ``at_least``, and of whom all
    conditions hold."""

    name: str = "High value"
    currency: str = "USD"
    window_days: int = 365
    at_least: int = 500_00
    """In minor units, 1 at least; 0 where conditions alone decide."""
    conditions: tuple[Condition, ...] = ()

    @property
    def window(self) -> timedelta:
        return timedelta(days=self.window_days)

    @property
    def rule(self) -> str:
        """What decides; two definitions with the same rule differ in their name only."""
        rule = f"{self.currency} {self.window_days} {self.at_least}"
        # Kept with every member that is in, so it is short.
        asked = repr(sorted(map(astuple, self.conditions))).encode()
        return f"{rule} {sha256(asked).hexdigest()[:16]}" if self.conditions else rule


class Purchase(NamedTuple):
    """One order. ``amount`` is in minor units."""

    order: str
    occurred: datetime
    amount: int
    cancelled: datetime | None = None


@dataclass(frozen=True)
class Stay:
    """From when to when a customer was in the segment, and why."""

    entered: datetime
    left: datetime | None
    """None while it is in."""
    orders: tuple[str, ...]
    """The newest that sufficed when it entered, the newest last."""
    because: str = ""
    """Why it left: ``time``, ``cancelled`` or ``field``."""


@dataclass(frozen=True)
class Standing:
    """How a customer stands at an instant."""

    amount: int
    """In minor units."""
    orders: int
    """How many count."""
    last: datetime | None
    """When the newest of these was placed."""
    stays: tuple[Stay, ...]
    """Every stay until then, the oldest first."""
    next: datetime | None
    """When something of this changes by time alone."""
    met: tuple[bool, ...] = ()
    """Which of the rule's conditions hold, in their order."""

    @property
    def since(self) -> datetime | None:
        """When the customer entered, if it is in."""
        return self.stays[-1].entered if self.stays and self.stays[-1].left is None else None


Change = tuple[int, Purchase | None, str]
"""An order by its place begins to count, or a condition by its number to hold; with a reason: it ends."""


def standing(
    purchases: Iterable[Purchase], definition: Definition, now: datetime, held: Sequence[Iterable[Span]] = ()
) -> Standing:
    """How a customer with these orders, all in the definition's currency, stands at ``now``. ``held``: when what each
    condition asks is so; in any order, and for several reasons at once."""
    changes = _changes(purchases, definition, held)
    counting: dict[int, Purchase] = {}
    amount, met = 0, [0] * len(definition.conditions)
    stays: list[Stay] = []
    ahead: datetime | None = None
    for at in sorted(changes):
        if at > now:
            ahead = at if at < NEVER else None
            break
        for place, purchase, ended in changes[at]:
            if purchase is None:
                met[place] += -1 if ended else 1
                continue
            amount += -purchase.amount if ended else purchase.amount
            if ended:
                del counting[place]
            else:
                counting[place] = purchase
        is_in, was_in = amount >= definition.at_least and all(met), bool(stays) and stays[-1].left is None
        if is_in and not was_in:
            stays.append(Stay(at, None, deciding(counting.values(), definition.at_least)))
        elif was_in and not is_in:
            stays[-1] = _left(stays[-1], at, {ended for *_, ended in changes[at]})
    last = max((purchase.occurred for purchase in counting.values()), default=None)
    return Standing(amount, len(counting), last, tuple(stays), ahead, tuple(count > 0 for count in met))


def _changes(
    purchases: Iterable[Purchase], definition: Definition, held: Sequence[Iterable[Span]]
) -> dict[datetime, list[Change]]:
    changes: dict[datetime, list[Change]] = defaultdict(list)
    for place, purchase in enumerate(purchases):
        end, because = _end(purchase, definition.window)
        if purchase.occurred < end:
            changes[purchase.occurred].append((place, purchase, ""))
            changes[end].append((place, purchase, because))
    for number, spans_of_it in enumerate(held):
        for span in spans_of_it:
            changes[span.begin].append((number, None, ""))
            changes[span.end].append((number, None, span.because))
    return changes


def of_field(condition: Condition, history: Iterable[tuple[datetime, Value]]) -> list[Span]:
    """When a condition holds by a customers' field that had these values, each from its instant on."""
    return spans(history, condition, NEVER, FIELD)


class Written(NamedTuple):
    """What was written of a review, case or order into one field of a department's own."""

    value: str
    occurred: datetime
    until: datetime | None = None
    """When something else was written there, if it was."""
    cancelled: datetime | None = None
    """When the order was, if it was."""


def of_fact(condition: Condition, written: Written, window: timedelta) -> list[Span]:
    """When a condition holds by what was written once."""
    begin = written.occurred
    end, because = _end(Purchase("", begin, 0, written.cancelled), window)
    if written.until is not None and written.until <= end:
        end, because = written.until, FIELD
    return [Span(begin, end, because)] if begin < end and holds(condition, written.value) else []


def _end(purchase: Purchase, window: timedelta) -> tuple[datetime, str]:
    """When an order stops to count, and why."""
    try:
        end = purchase.occurred + window
    except OverflowError:
        end = NEVER
    if purchase.cancelled is not None and purchase.cancelled < end:
        return purchase.cancelled, CANCELLED
    return end, TIME


def _left(stay: Stay, at: datetime, ended: Collection[str]) -> Stay:
    because = next((each for each in (CANCELLED, FIELD) if each in ended), TIME)
    return Stay(stay.entered, at, stay.orders, because)


def behind(purchases: Iterable[Purchase], of: Stay, *, left: bool, window: timedelta) -> list[Purchase]:
    """The orders because of which a customer entered for this stay, or ``left``: those that stopped to count then."""
    if left:
        return [one for one in purchases if _end(one, window)[0] == of.left]
    return [one for one in purchases if one.order in of.orders]


def deciding(counting: Iterable[Purchase], at_least: int) -> tuple[str, ...]:
    """The newest orders that suffice to reach the threshold; of too little, all; none where none is needed."""
    if at_least <= 0:
        return ()
    found: list[str] = []
    amount = 0
    for purchase in sorted(counting, key=lambda one: (one.occurred, one.order), reverse=True):
        if found and amount >= at_least:
            break
        amount += purchase.amount
        found.append(purchase.order)
    return tuple(reversed(found))


@dataclass(frozen=True)
class Said:
    """What was last said of a member that is in the segment."""

    since: datetime
    orders: tuple[str, ...]
    rule: str
    """By which it was in; empty where that isn't known any more."""


def departure(
    said: Said, stays: Sequence[Stay], orders: Collection[str], definition: Definition, now: datetime
) -> tuple[datetime, str]:
    """When and why somebody left of whom it was said that he is in; ``orders`` are all that he has now."""
    last = stays[-1] if stays else None
    if last is not None and last.left is not None and last.entered == said.since:
        return last.left, last.because
    if not set(said.orders) <= set(orders):
        return now, LINK
    if said.rule not in ("", definition.rule):
        return now, RULE
    if last is not None and last.left is not None and last.left > said.since:
        return last.left, last.because
    return now, CORRECTION
