"""The sequence gate: is this event the next of its stream, one that was here already, or a sign of loss? Pure."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Position(NamedTuple):
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


FORK_MILLISECONDS = 60_000
"""An event this much younger than the newest one, and yet before it, can't be a repetition of what was here."""


def judge(position: Position, sequence: int, event_id: str, *, void: bool = False) -> Verdict:
    """Where an event stands against the position of its stream.

    Below the newest sequence ids aren't kept, so there a fork shows by its time (ids are UUIDv7). ``void`` is an
    event that stands for one that the log lost: whoever had the lost one drops it.
    """
    if sequence > position.sequence + 1:
        return Verdict.GAP
    if sequence == position.sequence + 1:
        return Verdict.NEXT
    if void:
        return Verdict.REPEATED
    if sequence == position.sequence:
        return Verdict.REPEATED if event_id == position.event_id else Verdict.FORK
    younger = milliseconds(event_id) - milliseconds(position.event_id)
    return Verdict.FORK if younger > FORK_MILLISECONDS else Verdict.REPEATED


def milliseconds(event_id: str) -> int:
    """When a UUIDv7 was made, in milliseconds of Unix time."""
    return int(event_id[:8] + event_id[9:13], 16)
