"""How a customer stands in a file. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

Value = str | tuple[str, ...]
FORMATS = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}
"""Format -> media type."""
CALCULATED = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a cell for a formula, at its beginning."""
AND = "; "
"""Between several values in one cell."""


@dataclass(frozen=True)
class Line:
    """One customer of an export, as far as its author may see it."""

    customer: str
    registered: str
    values: Mapping[str, Value]
    masked: Sequence[str]
    """Fields that say something, and may not be seen."""


def harmless(cell: str) -> str:
    """The text as a cell that no spreadsheet calculates."""
    return "'" + cell if cell.startswith(CALCULATED) else cell


class Csv:
    """Lines with a column for each of ``fields``; the last column names those that are masked."""

    def __init__(self, fields: Sequence[str]) -> None:
        self._fields = fields

    def head(self) -> bytes:
        return _csv(["customer", "registered", *self._fields, "masked"])

    def line(self, line: Line) -> bytes:
        cells = [harmless(_cell(line.values.get(name, ""))) for name in self._fields]
        return _csv([line.customer, line.registered, *cells, " ".join(line.masked)])


class Ndjson:
    """A JSON object a line."""

    def head(self) -> bytes:
        return b""

    def line(self, line: Line) -> bytes:
        told = {
            "customer": line.customer,
            "registered": line.registered,
            "values": line.values,
            "masked": line.masked,
        }
        return msgspec.json.encode(told) + b"\n"


def _cell(value: Value) -> str:
    return value if isinstance(value, str) else AND.join(value)


def _csv(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()
