"""Tells somebody outside when a customer was dissatisfied."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx

from shared.edge import tracing
from shared.events.callcenter import ContactWrappedUp
from shared.events.envelope import Event
from shared.pipeline.work import Work

EFFECT = "dissatisfied-notice"
DISSATISFIED = (1, 2)
WITHIN = timedelta(days=1)
TIMEOUT_SECONDS = 10.0


def heard_review(work: Work, events: list[Event]) -> None:
    """Owe a notice for every contact whose review says that the customer was dissatisfied."""
    for event in events:
        fact = event.fact
        if isinstance(fact, ContactWrappedUp) and fact.satisfaction in DISSATISFIED:
            payload = {"effect": EFFECT, "event": event.id, "stream": event.stream, "contact": fact.contact}
            work.intend(event, EFFECT, payload, within=WITHIN)


def heard_review_unnoticed(work: Work, events: list[Event]) -> None:
    """Where no address for notices is given, none is owed; not even later, when one is given."""


def notifier(url: str) -> Callable[[dict[str, Any], str], None]:
    """Sends a payload to ``url`` with its idempotency key; raises ``httpx.HTTPError`` when it isn't taken."""

    def notify(payload: dict[str, Any], key: str) -> None:
        answer = httpx.post(
            url, json=payload, headers={"Idempotency-Key": key, **tracing.outward()}, timeout=TIMEOUT_SECONDS
        )
        answer.raise_for_status()

    return notify
