"""Named fault points: where a test can make a process die, fail, wait or repeat itself.

Every commit, send and acknowledgement on the way from a request to its last effect goes through ``at``
(tests/unit/test_fault_points.py finds one that doesn't). With nothing armed it is one look at an empty mapping.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

POINTS: dict[str, str] = {
    "transact.commit": "the commit of a command",
    "consumer.commit": "the commit of a batch of events with all its effects",
    "due.commit": "the commit of what a task worked out",
    "wakeup.notify": "NOTIFY after a commit",
    "http.answer": "the answer to a command, after its commit",
    "relay.send_key": "members' wrapped keys, some hundred, handed to the Kafka producer",
    "relay.flush_keys": "these keys acknowledged by Kafka",
    "relay.send": "events, some hundred, handed to the Kafka producer",
    "relay.flush": "a batch of events acknowledged by Kafka",
    "relay.commit": "the commit that removes a batch from the outbox",
    "keys.commit": "the commit of keys read from a keys topic",
    "intent.take": "the commit by which a process takes an effect on",
    "intent.perform": "the outward effect itself",
    "intent.commit": "the commit that notes an effect as done",
    "audit.commit": "the commit of new links in the audit log's chain",
    "signal.send": "a signal of the live windows handed to the Kafka producer",
    "signal.commit": "the commit of signals with all their effects",
    "live.send": "an update sent to an open page",
}
"""Every point and what happens there."""

MODES = ("crash-before", "crash-after", "raise-before", "raise-after", "delay", "repeat")
DELAY_SECONDS = 1.0
CRASHED = 137


class FaultRaised(Exception):
    """An armed fault point raised this, as a lost connection would."""


@dataclass(frozen=True)
class Fault:
    mode: str
    on_hit: int = 1
    """Which passing of the point it strikes at, counted from 1."""


_armed: dict[str, Fault] = {}
_hits: Counter[str] = Counter()
_lock = threading.Lock()
struck: list[str] = []
"""Points at which a fault has struck in this process."""


def arm(point: str, mode: str, on_hit: int = 1) -> None:
    """Make a point fail once. Raises ``ValueError`` for a point or mode that doesn't exist."""
    if point not in POINTS or mode not in MODES:
        raise ValueError(f"no fault point {point!r} with mode {mode!r}")
    _armed[point] = Fault(mode, on_hit)


def disarm() -> None:
    _armed.clear()
    _hits.clear()
    struck.clear()


def arm_from_environment(value: str | None) -> None:
    """Arm what ``CRM_FAULT`` says: ``point=mode`` or ``point=mode@hit``, several with commas."""
    for entry in filter(None, (value or "").split(",")):
        point, _, rest = entry.partition("=")
        mode, _, hit = rest.partition("@")
        arm(point, mode, int(hit or 1))


def at(point: str, action: Callable[[], T]) -> T:
    """Do ``action`` at a named point; an armed fault strikes here."""
    if not _armed:
        return action()
    fault = _due(point)
    if fault is None:
        return action()
    return _strike(point, fault, action)


def _due(point: str) -> Fault | None:
    with _lock:
        fault = _armed.get(point)
        if fault is None:
            return None
        _hits[point] += 1
        if _hits[point] != fault.on_hit:
            return None
        struck.append(point)
        return fault


def _strike(point: str, fault: Fault, action: Callable[[], T]) -> T:
    if path := os.environ.get("CRM_FAULT_LOG"):
        with Path(path).open("a", encoding="utf-8") as log:
            log.write(f"{point}={fault.mode}\n")
    match fault.mode:
        case "crash-before":
            os._exit(CRASHED)
        case "raise-before":
            raise FaultRaised(point)
        case "delay":
            time.sleep(DELAY_SECONDS)
        case "repeat":
            action()
    result = action()
    match fault.mode:
        case "crash-after":
            os._exit(CRASHED)
        case "raise-after":
            raise FaultRaised(point)
    return result
