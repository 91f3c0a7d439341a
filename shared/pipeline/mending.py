"""What a person does about a parked stream, with the audit log told of it."""

from __future__ import annotations

from typing import Any

from shared.pipeline.positions import Place
from shared.pipeline.receive import Subscription, redrive, skip
from shared.pipeline.work import Work


def redriven(work: Work, subscription: Subscription, place: Place) -> tuple[int, int]:
    """Hand in again; gives how many events went and how many stay. Raises as ``receive.redrive``."""
    went, stay = redrive(work, subscription, place)
    note(work, "redrive", place[1], subscription=subscription.name, source=place[0], handled=went, stay=stay)
    return went, stay


def skipped(work: Work, subscription: Subscription, place: Place, reason: str) -> tuple[int, int]:
    """Leave out what it stands at; gives how many events behind it went and how many stay. Raises as
    ``receive.skip``."""
    went, stay = skip(work, subscription, place, reason)
    # Not the reason, which is a free text: it stands with what was skipped.
    note(work, "skip", place[1], subscription=subscription.name, source=place[0], handled=went, stay=stay)
    return went, stay


def note(work: Work, command: str, subject: str, **detail: Any) -> None:
    """Have the audit log say what the operator did."""
    work.did.insert(0, f"operator.{command}")
    work.changed(subject, **detail)
