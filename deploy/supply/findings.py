"""What pip-audit found, as it says it in JSON. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec


class Unreadable(ValueError):
    """It said nothing that could be read."""


class _Weakness(msgspec.Struct):
    id: str
    fix_versions: list[str] = []


class _Library(msgspec.Struct):
    name: str
    version: str = ""
    vulns: list[_Weakness] = []
    skip_reason: str = ""


class _Report(msgspec.Struct):
    dependencies: list[_Library]


@dataclass(frozen=True)
class Findings:
    """Libraries that were looked at, those with known weaknesses, and those of which nothing is known."""

    looked_at: int
    weak: tuple[str, ...]
    unknown: tuple[str, ...]

    def lines(self) -> list[str]:
        """For people."""
        if not self.looked_at:
            return [f"No data about weaknesses is to be had here for any of {len(self.unknown)} libraries."]
        told = list(self.weak) or [f"No known weakness in {self.looked_at} libraries."]
        return [*told, *([f"Nothing is known of: {', '.join(self.unknown)}"] if self.unknown else [])]


def read(text: str) -> Findings:
    """Raises ``Unreadable``."""
    try:
        report = msgspec.json.decode(text, type=_Report)
    except msgspec.MsgspecError as error:
        raise Unreadable(str(error)) from None
    known = [one for one in report.dependencies if not one.skip_reason]
    weak = [
        f"{one.name} {one.version}: {weakness.id}, mended in {', '.join(weakness.fix_versions) or 'no release yet'}"
        for one in known
        for weakness in one.vulns
    ]
    unknown = tuple(one.name for one in report.dependencies if one.skip_reason)
    return Findings(len(known), tuple(weak), unknown)
