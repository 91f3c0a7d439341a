"""What becomes of a sequence that isn't where it belongs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple

Place = tuple[str, str]
"""(source, stream)."""


class Known(NamedTuple):
    """How far one stream has come, as far as sync knows."""

    told: int
    """As its publisher said; 0 if it hasn't yet."""
    reached: int
    """By the timeline's subscription."""
    held: int
    """How many events the timeline has of it."""
    newest: int
    """The highest sequence among these."""

    @property
    def last(self) -> int:
        """Up to here there must be events."""
        return max(self.told, self.reached, self.newest)

    @property
    def is_whole(self) -> bool:
        """Whether the timeline has all of them: sequences are dense and each is there once."""
        return self.held == self.last

    @property
    def untold(self) -> int:
        """How many events were heard that the publisher hasn't reported yet."""
        return max(0, max(self.reached, self.newest) - self.told)


class Fate(Enum):
    """What is said of a sequence."""

    MISSING = "missing here, in the log"
    LOST = "lost by the log"
    LOST_BUT_KEPT = "lost by the log, kept here"
    PARKED = "waits in a parked stream"
    LEFT_OUT = "left out by a person"
    UNDERWAY = "in the log, not heard yet"

    @property
    def is_fault(self) -> bool:
        """Whether somebody has to do something about it."""
        return self not in (Fate.LEFT_OUT, Fate.UNDERWAY)


def fate(sequence: int, reached: int, *, in_log: bool, left_out: bool, parked: bool) -> Fate:
    """Of a sequence that the timeline doesn't have."""
    if left_out:
        return Fate.LEFT_OUT
    if not in_log:
        return Fate.LOST
    if sequence <= reached:
        return Fate.MISSING
    return Fate.PARKED if parked else Fate.UNDERWAY


class Spans:
    """A set of sequences that mostly come in their order: a pair a run of them."""

    def __init__(self, sequences: Iterable[int] = ()) -> None:
        self._spans: list[tuple[int, int]] = []
        for sequence in sequences:
            self.add(sequence)

    def add(self, sequence: int) -> None:
        if self._spans:
            first, last = self._spans[-1]
            if first <= sequence <= last:
                return
            if sequence == last + 1:
                self._spans[-1] = (first, sequence)
                return
        self._spans.append((sequence, sequence))

    def __contains__(self, sequence: int) -> bool:
        return any(first <= sequence <= last for first, last in self._spans)

    def lacks(self, last: int) -> list[int]:
        """Which of 1 to ``last`` aren't among them."""
        lacking: list[int] = []
        due = 1
        for first, until in sorted(self._spans):
            lacking += range(due, min(first, last + 1))
            due = max(due, until + 1)
        return [*lacking, *range(due, last + 1)]


def shown(sequences: Sequence[int]) -> str:
    """Sequences for people: ``1-3, 7``."""
    runs: list[list[int]] = []
    for sequence in sorted(sequences):
        if runs and sequence == runs[-1][1] + 1:
            runs[-1][1] = sequence
        else:
            runs.append([sequence, sequence])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
