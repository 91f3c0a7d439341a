"""The sequence gate: is this event the next of its stream, one that was here already, or a sign of loss? Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Position:
    """How far a subscription has come in one stream of one source."""

    sequence: int = 0
    event_id: str = ""


START = Position()


class Verdict(Enum):
    """What the gate says of an event."""

    NEXT = "next"
    REPEATED = "repeated"
    """Had already; dropped."""
    GAP = "gap"
    """Events before it are missing."""
    FORK = "fork"
    """Another event had this sequence: the publisher's database was restored and went on."""


def judge(position: Position, sequence: int, event_id: str) -> Verdict:
    """Where an event stands against the position of its stream.

    Only the newest sequence can be told from a fork here; what a fork hides below it is found by the
    publisher's own check at its start (recovery.py).
    """
    if sequence > position.sequence + 1:
        return Verdict.GAP
    if sequence == position.sequence + 1:
        return Verdict.NEXT
    if sequence == position.sequence and event_id != position.event_id:
        return Verdict.FORK
    return Verdict.REPEATED
