"""What becomes of an order that a rep took on a device. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

from services.sfa.orders import rules as orders
from services.sfa.orders.rules import Asked
from shared.events.sfa import OrderLine, ProductDefined
from shared.events.sync import RequestedLine
from shared.texts import N_, UNSAID, Text

OLD = timedelta(days=30)
"""A request that is older when it is first looked at waits for a person."""
WAITS = ("too_old", "other_currency", "not_understood")
"""Reasons for which it waits for a person."""

Outcome = Literal["placed", "refused", "waiting"]


@dataclass(frozen=True)
class Request:
    """What was asked for."""

    order: str
    member: str
    lines: tuple[Asked, ...]
    currency: str
    rep: str
    requested: datetime
    content: str
    history: bool


@dataclass(frozen=True)
class Circumstances:
    """What a decision depends on."""

    now: datetime
    currency: str
    products: Mapping[str, ProductDefined]
    erased: bool
    in_territory: bool
    """Whether the rep looks after the customer."""


@dataclass(frozen=True)
class Decision:
    """``lines`` of what is placed; else why it isn't, as a code and for people."""

    outcome: Outcome
    reason: str = ""
    text: Text = UNSAID
    lines: tuple[OrderLine, ...] = ()


def asked(lines: Sequence[RequestedLine]) -> tuple[Asked, ...]:
    """Lines as an order takes them. A device that shows no price says 0: then the product's holds."""
    return tuple(Asked(line.product, line.quantity, line.unit_price or None) for line in lines)


def content(member: str, rep: str, currency: str, lines: Sequence[Mapping[str, Any]]) -> str:
    """A hash of what is asked for: a repeat has the same, another request another one."""
    plain = [[line["product"], line["quantity"], line["unit_price"]] for line in lines]
    return sha256(json.dumps([member, rep, currency, plain]).encode()).hexdigest()


def decide(request: Request, at: Circumstances, *, person: bool = False) -> Decision:
    """What becomes of the request. ``person``: somebody accepted it, whatever its age and the rep's territory."""
    if at.erased:
        return Decision("refused", "erased", Text(N_("this customer was erased")))
    if request.currency != at.currency:
        return Decision(
            "waiting",
            "other_currency",
            Text(
                N_("it is in %(currency)s; orders here are in %(here)s"),
                {"currency": request.currency, "here": at.currency},
            ),
        )
    try:
        lines = orders.lines(request.lines, at.products)
    except orders.NotOrdered as error:
        if error.reason in WAITS:
            return Decision("waiting", error.reason, error.text)
        refused = Decision("refused", error.reason, error.text)
        # Products of long ago may be gone: what a person has to look at isn't refused for that.
        return refused if person or at.now - request.requested <= OLD else _too_old()
    if person:
        return Decision("placed", lines=lines)
    if at.now - request.requested > OLD:
        return _too_old()
    if not at.in_territory:
        return Decision("refused", "not_in_territory", Text(N_("the rep doesn't look after this customer")))
    return Decision("placed", lines=lines)


def _too_old() -> Decision:
    return Decision("waiting", "too_old", Text(N_("it is older than %(days)s days"), {"days": OLD.days}))
