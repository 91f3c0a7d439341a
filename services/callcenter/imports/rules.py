"""How a file of customers is read: its encoding and lines, and what each cell says of a customer. Pure."""

from __future__ import annotations

import codecs
import csv
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as attribute
from datetime import datetime

from services.callcenter.customers.rules import custom_field
from shared.customer.fields import BUILT_IN, CUSTOM, Field, InvalidField, InvalidValue, Kind, parse
from shared.customer.fields import field as field_of
from shared.customer.fold import Change, FieldState
from shared.customer.phones import NotAPhone, e164
from shared.texts import N_, Saying, Text

ENCODINGS = ("utf-8", "latin-1", "cp1252", "utf-16")
_NAME = re.compile(r"(custom\.)?[a-z][a-z0-9_.]{0,59}")
DELIMITERS = (",", ";", "\t", "|")


class BadMapping(Saying, ValueError):
    """The mapping doesn't go together, or doesn't fit the file. The text says where, and never quotes a row."""


class NotDecodable(Saying, ValueError):
    """The file isn't in the encoding that it was said to be in."""

    def __init__(self, encoding: str, position: int) -> None:
        super().__init__(
            N_(
                "the file isn't %(encoding)s: byte %(position)s (counted from 0) can't be read; "
                "name its encoding: %(encodings)s"
            ),
            encoding=encoding,
            position=position,
            encodings=", ".join(ENCODINGS),
        )
        self.position = position


@dataclass(frozen=True)
class Column:
    """Where a column goes. A set (products) may be filled from several columns."""

    column: str
    field: str
    """Its name, or what it is called in any language."""
    values: Mapping[str, str] = attribute(default_factory=dict)
    """What the file says -> what is meant. For a set: -> the element; other cells then mean none of them."""
    date_format: str = ""
    """How the file writes dates, as in strptime; else as 2024-03-31."""
    label: str = ""
    kind: Kind | None = None
    choices: tuple[str, ...] = ()
    """Label, kind and choices of a custom field that isn't defined yet."""

    @property
    def target(self) -> str:
        """The name under which is kept what the column said last."""
        return f"{self.field}@{self.column}"


@dataclass(frozen=True)
class FileMapping:
    """What a file is: the system it comes from, the column that identifies a row, and where columns go."""

    origin: str
    key: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class BadLine:
    """A line that was left out, and why; never what it said."""

    line: int
    column: str
    reason: Text


@dataclass(frozen=True)
class Row:
    """A line that can be taken: the hash of its key, and the canonical text of every mapped cell by target."""

    line: int
    key: bytes
    cells: Mapping[str, str]


def resolved(mapping: FileMapping, known: Mapping[str, Field], header: Sequence[str] = ()) -> FileMapping:
    """The mapping with fields by their names, where it says what they are called. One without columns takes every
    column of the file (``header``) that is named or called like a field, but for sets. Raises ``BadMapping``."""
    names = _names(known)
    if mapping.columns:
        meant = [replace(one, field=names.get(_called(one.field), one.field)) for one in mapping.columns]
    else:
        found = {column: names[_called(column)] for column in header if _called(column) in names}
        meant = [
            Column(column, name)
            for column, name in found.items()
            if column != mapping.key and field_of(name, known).kind != "set"
        ]
    if unknown := [one.field for one in meant if not _NAME.fullmatch(one.field)]:
        raise BadMapping(N_("there is no field %(code)s"), code=unknown[0])
    return replace(mapping, columns=tuple(meant))


def _names(known: Mapping[str, Field]) -> dict[str, str]:
    """What fields can be called in a file -> their names; what two fields are called is no name."""
    called: dict[str, set[str]] = {}
    for name, of in {**BUILT_IN, **known}.items():
        if not of.retired:
            for text in {name, name.removeprefix(CUSTOM), of.label, *of.labels.values()}:
                called.setdefault(_called(text), set()).add(name)
    exact = {name.casefold(): name for name in {**BUILT_IN, **known}}
    return {text: min(names) for text, names in called.items() if len(names) == 1} | exact


def _called(text: str) -> str:
    return " ".join(text.split()).casefold()


def fields_of(mapping: FileMapping, known: Mapping[str, Field]) -> dict[str, Field]:
    """The fields that the mapping fills, those described by it included. Raises ``BadMapping``, ``UnknownField``."""
    fields: dict[str, Field] = {}
    for column in mapping.columns:
        described = _described(column, known)
        if described.retired:
            raise BadMapping(N_("%(field)s was retired and takes nothing new"), field=column.field)
        if described.kind == "set" and not column.values:
            raise BadMapping(
                N_("%(column)s: a set needs values, what the file says -> the element"), column=column.column
            )
        if described.kind != "set" and column.field in fields:
            raise BadMapping(N_("%(field)s is filled from two columns; only a set may be"), field=column.field)
        if fields.setdefault(column.field, described) != described:
            raise BadMapping(N_("%(field)s is described in two ways"), field=column.field)
    if not fields:
        raise BadMapping(N_("no column is mapped to a field"))
    return fields


def _described(column: Column, known: Mapping[str, Field]) -> Field:
    if column.field in known or not column.field.startswith(CUSTOM):
        return field_of(column.field, known)
    try:
        label, kind = column.label or column.column, column.kind or "text"
        return custom_field(column.field, label, kind, choices=column.choices)
    except InvalidField as error:
        raise BadMapping(error) from None


def check_encoding(chunks: Iterable[bytes], encoding: str) -> None:
    """Raises ``NotDecodable`` with the position of the first byte that isn't of this encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    passed = 0
    try:
        for chunk in chunks:
            waiting = len(decoder.getstate()[0])
            decoder.decode(chunk)
            passed += len(chunk)
        waiting = len(decoder.getstate()[0])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise NotDecodable(encoding, passed - waiting + error.start) from None
    except UnicodeError:
        # UTF-16 without the mark that says which half of a character comes first.
        raise NotDecodable(encoding, 0) from None


def header_of(line: str, mapping: FileMapping, delimiter: str = "") -> list[str]:
    """The names of a file's columns, from its first line."""
    line = line.removeprefix("\ufeff")
    return next(csv.reader([line], delimiter=delimiter or _delimiter(line, mapping)), [])


def read(
    lines: Iterable[str], mapping: FileMapping, fields: Mapping[str, Field], region: str, delimiter: str = ""
) -> Iterator[Row | BadLine]:
    """The rows of a file, and the lines that can't be taken. Raises ``BadMapping`` when columns are missing."""
    lines = iter(lines)
    header_line = next(lines, "").removeprefix("\ufeff")
    delimiter = delimiter or _delimiter(header_line, mapping)
    reader = csv.reader(_counted(header_line, lines), delimiter=delimiter)
    places = _places(next(reader, []), mapping)
    width = len(places)
    first_seen: dict[bytes, int] = {}
    for line, cells in _records(reader):
        if isinstance(cells, BadLine):
            yield cells
        elif len(cells) != width:
            yield BadLine(
                line,
                "",
                Text(N_("has %(cells)s cells where the header has %(width)s"), {"cells": len(cells), "width": width}),
            )
        else:
            yield _row(line, dict(zip(places, cells, strict=True)), mapping, fields, region, first_seen)


def _counted(header: str, lines: Iterator[str]) -> Iterator[str]:
    yield header
    yield from lines


def _records(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str] | BadLine]]:
    """Records that aren't empty, with the line on which each begins."""
    while True:
        line = reader.line_num + 1  # type: ignore[attr-defined]
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield line, BadLine(line, "", Text(N_("isn't a CSV record: a quote isn't closed, or a cell is too long")))
            continue
        if cells:
            yield line, cells


def _delimiter(header: str, mapping: FileMapping) -> str:
    wanted = {mapping.key, *(column.column for column in mapping.columns)}
    fits = {d: len(wanted & set(next(csv.reader([header], delimiter=d), []))) for d in DELIMITERS}
    return max(DELIMITERS, key=lambda d: fits[d])


def _places(header: Sequence[str], mapping: FileMapping) -> list[str]:
    wanted = {mapping.key, *(column.column for column in mapping.columns)}
    if missing := sorted(wanted - set(header)):
        raise BadMapping(N_("the file has no column %(missing)s"), missing=", ".join(missing))
    if twice := sorted({name for name in wanted if header.count(name) > 1}):
        raise BadMapping(N_("the file has more than one column %(twice)s"), twice=", ".join(twice))
    # Columns that aren't mapped may share a name; then each gets its place.
    return [name if name in wanted else f"{place}:{name}" for place, name in enumerate(header)]


def _row(
    line: int,
    cells: Mapping[str, str],
    mapping: FileMapping,
    fields: Mapping[str, Field],
    region: str,
    first_seen: dict[bytes, int],
) -> Row | BadLine:
    key_text = cells[mapping.key].strip()
    if not key_text:
        return BadLine(line, mapping.key, Text(N_("the key is empty")))
    key = hashlib.sha256(f"{mapping.origin}\n{key_text}".encode("utf-8", "replace")).digest()
    if first_seen.setdefault(key, line) != line:
        return BadLine(line, mapping.key, Text(N_("the key is that of line %(line)s"), {"line": first_seen[key]}))
    read: dict[str, str] = {}
    for column in mapping.columns:
        try:
            read[column.target] = _canonical(column, fields[column.field], cells[column.column], region)
        except InvalidValue as error:
            return BadLine(line, column.column, error.why)
        except NotAPhone as error:
            return BadLine(line, column.column, error.text)
    return Row(line, key, read)


def _canonical(column: Column, of: Field, cell: str, region: str) -> str:
    text = column.values.get(cell.strip(), "" if of.kind == "set" else cell)
    if not text.strip():
        return ""
    if of.kind == "set":
        return parse(of, "+" + text)[1:]
    if of.kind == "phone":
        text = e164(text, region)
    if of.kind == "date" and column.date_format:
        text = _iso_date(of, text, column.date_format)
    return parse(of, text)


def _iso_date(of: Field, text: str, form: str) -> str:
    try:
        # Only the date is taken, so the missing zone says nothing.
        return datetime.strptime(text.strip(), form).date().isoformat()  # noqa: DTZ007
    except ValueError:
        raise InvalidValue(of, N_("a date of the form %(form)s is expected"), form=form) from None


def fingerprint(cell: str) -> str:
    """Tells whether a cell says the same as last time, without keeping what it said."""
    return hashlib.sha256(cell.encode()).hexdigest()[:16]


def changes(
    row: Row,
    last: Mapping[str, str],
    mapping: FileMapping,
    fields: Mapping[str, Field],
    states: Mapping[str, FieldState],
) -> dict[str, Change]:
    """What the row changes: cells that say something else than the last file did (``last``: their fingerprints).

    What people changed here meanwhile stays, as long as the file doesn't say something new about it.
    """
    changed: dict[str, Change] = {}
    sets: dict[str, set[str]] = {}
    for column in mapping.columns:
        cell, of = row.cells[column.target], fields[column.field]
        if last.get(column.target) == fingerprint(cell):
            continue
        if of.kind != "set":
            changed[of.name] = cell
            continue
        state = states.get(of.name)
        wanted = sets.setdefault(of.name, set(state.value if state else ()))
        wanted -= {parse(of, "+" + element)[1:] for element in column.values.values()}
        wanted |= {cell} - {""}
    return {**changed, **{name: sorted(wanted) for name, wanted in sets.items()}}
