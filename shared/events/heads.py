"""What every service says of its own streams, so that others can tell whether they have heard all."""

from __future__ import annotations

from shared.events.facts import Fact, fact


@fact("heads.reported", stream="service")
class HeadsReported(Fact, frozen=True, kw_only=True):
    """How far this service has come in its streams. Said from time to time, also when nothing moved: a sign of life."""

    heads: dict[str, int]
    """Stream -> the sequence of its newest event, of those that moved since the last report."""
    audited: int = 0
    """The newest position of this service's audit log, if it went on since the last report; else 0."""
    audit_hash: str = ""
    """The hash at that position, in hexadecimal: neither it nor what lies before it can be changed unnoticed."""


@fact("service.left", stream="service")
class ServiceLeft(Fact, frozen=True, kw_only=True):
    """The company gives this block up. What others know from it stays, and is of this day; a later report of heads
    says that it is back."""
