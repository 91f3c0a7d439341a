"""docs/benchmarks.json: the results of `make bench`, from which the page, its plots and the capacity model are made."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from deploy.docs.services import ROOT

FILE = ROOT / "docs/benchmarks.json"


class Machine(msgspec.Struct, frozen=True, omit_defaults=True):
    """On what a result was measured: enough to judge it by, nothing that tells whose machine it is."""

    cpus: int
    cpu: str
    """Its class, as it calls itself."""
    memory_gib: int
    python: str
    postgresql: str
    kafka: str = ""
    """None where the servers were given."""

    def __str__(self) -> str:
        kafka = f"Kafka {self.kafka}" if self.kafka else "a Kafka that was given"
        return (
            f"{self.cpus} CPUs ({self.cpu}), {self.memory_gib} GiB, {kafka}, PostgreSQL {self.postgresql}, "
            f"Python {self.python}"
        )


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One measured figure, as one line of JSON."""

    figure: str
    of: str = ""
    """Which of a figure's results, where it has several: ``500/s p99``."""
    value: float
    unit: str
    limit: float | None = None
    """What the machine does at best with the same payload, measured in the same run, in the same unit."""
    ratio: float | None = None
    """``value`` to ``limit``, the better the higher."""
    least: float | None = None
    """What ``ratio`` is to be at least."""
    most: float | None = None
    """What ``value`` is to be at most."""
    goal: str = ""
    met: bool | None = None
    """Whether the goal is reached; none where there is none, or at a small size."""
    runs: list[float] = []
    """The value of each run; ``value`` is their median."""
    more: dict[str, Any] = {}
    """What else was seen: sizes, the limit's runs, steps in microseconds an event."""

    @property
    def name(self) -> str:
        """The figure, and which of its results."""
        return f"{self.figure} {self.of}".rstrip()


class Kept(Result, frozen=True, kw_only=True, omit_defaults=True):
    """A result, with when and on what it was measured."""

    measured: str
    """The day, UTC."""
    on: Machine


class Results(msgspec.Struct, frozen=True):
    """All that is kept."""

    figures: dict[str, str] = {}
    """Every figure that there is, in the order in which they are shown, with its goal in words."""
    results: list[Kept] = []

    def merged(self, new: Iterable[Kept], figures: dict[str, str]) -> Results:
        """``new`` takes the place of all that was kept of the same figures; what isn't a figure any more goes."""
        fresh: dict[str, list[Kept]] = {}
        for result in new:
            fresh.setdefault(result.figure, []).append(result)
        kept = {name: [one for one in self.results if one.figure == name] for name in figures}
        return Results(figures, [one for name in figures for one in fresh.get(name, kept[name])])

    def one(self, figure: str, of: str = "") -> Kept | None:
        """The result of this name."""
        return next((one for one in self.results if (one.figure, one.of) == (figure, of)), None)

    def of_figure(self, figure: str) -> list[Kept]:
        """All results of a figure."""
        return [one for one in self.results if one.figure == figure]


def load(path: Path = FILE) -> Results:
    """What is kept; nothing where there is no such file. Raises ``msgspec.DecodeError`` where it isn't as it should."""
    return msgspec.json.decode(path.read_bytes(), type=Results) if path.exists() else Results()


def save(results: Results, path: Path = FILE) -> None:
    """Write it, a field a line, so that a change can be read."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
