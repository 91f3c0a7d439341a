"""Somebody looks at something: the read that corresponds to ``Work``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.pipeline.doing import Doing


@dataclass
class Look(Doing):
    """A session to read in, the actor who reads, and whom it saw."""

    seen: set[str] = field(default_factory=set)
    """Streams of which personal data was shown."""

    def saw(self, *streams: str) -> None:
        """Note that personal data of these streams (``customer/ID``) is shown, for the audit log."""
        self.seen.update(streams)

    def saw_customers(self, members: Iterable[str]) -> None:
        """Note that personal data of these customers is shown."""
        self.seen.update(f"customer/{member}" for member in members)
