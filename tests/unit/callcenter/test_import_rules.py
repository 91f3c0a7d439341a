"""How files are read: any bytes, any lines, and what a second file changes."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.callcenter.imports import rules
from services.callcenter.imports.rules import BadLine, BadMapping, Column, FileMapping, NotDecodable, Row
from shared.customer.fields import Field
from shared.customer.fold import FieldState

MAPPING = FileMapping(
    "old-crm",
    "ID",
    (
        Column("City", "city"),
        Column("Since", "customer_since", date_format="%d/%m/%Y"),
        Column("Line", "products", {"Yes": "line"}),
        Column("Net", "products", {"DSL": "internet.dsl", "Fiber": "internet.fiber"}),
    ),
)
FIELDS = rules.fields_of(MAPPING, {})
HEADER = ["ID", "City", "Since", "Line", "Net"]
CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)


def read(lines: list[list[str]], delimiter: str = ",") -> list[Row | BadLine]:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(lines)
    return list(rules.read(io.StringIO(text.getvalue(), newline=""), MAPPING, FIELDS, "US"))


def row(city: str = "Rome", line: str = "Yes", net: str = "DSL") -> Row:
    (found,) = read([HEADER, ["1", city, "31/03/2024", line, net]])
    assert isinstance(found, Row)
    return found


def last(of: Row) -> dict[str, str]:
    return {target: rules.fingerprint(cell) for target, cell in of.cells.items()}


@given(st.lists(st.lists(CELL, min_size=5, max_size=5), max_size=6), st.sampled_from(rules.DELIMITERS))
def test_every_line_is_taken_or_listed_with_its_number(lines: list[list[str]], delimiter: str) -> None:
    found = read([HEADER, *lines], delimiter)
    assert [of.line for of in found] == list(range(2, len(lines) + 2))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_no_text_after_the_header_makes_the_reading_fail(text: str) -> None:
    lines = io.StringIO("ID,City,Since,Line,Net\n" + text, newline="")
    for found in rules.read(lines, MAPPING, FIELDS, "US"):
        assert found.line >= 2


@given(st.binary(max_size=300), st.integers(1, 50))
def test_the_first_unreadable_byte_is_named_however_the_file_is_cut(content: bytes, size: int) -> None:
    chunks = [content[n : n + size] for n in range(0, len(content), size)]
    try:
        rules.check_encoding(chunks, "utf-8")
        position = None
    except NotDecodable as error:
        position = error.position
    # With surrogates for what can't be read, the first of them stands where the first such byte does.
    text = content.decode("utf-8", "surrogateescape")
    unreadable = [n for n, c in enumerate(text) if 0xDC80 <= ord(c) <= 0xDCFF]
    expected = len(text[: unreadable[0]].encode()) if unreadable else None
    assert position == expected


@given(st.binary(max_size=60), st.sampled_from(rules.ENCODINGS))
def test_any_bytes_can_be_read_or_are_refused(content: bytes, encoding: str) -> None:
    position = unreadable(content, encoding)
    if position is None:
        assert isinstance(content.decode(encoding), str)
    else:
        assert 0 <= position <= len(content)


def unreadable(content: bytes, encoding: str) -> int | None:
    try:
        rules.check_encoding([content], encoding)
    except NotDecodable as error:
        return error.position
    return None


def test_a_row_has_canonical_cells() -> None:
    assert row(city="  Rome ").cells == {
        "city@City": "Rome",
        "customer_since@Since": "2024-03-31",
        "products@Line": "line",
        "products@Net": "internet.dsl",
    }


def test_a_quote_that_isnt_closed_is_a_bad_line() -> None:
    lines = io.StringIO('ID,City,Since,Line,Net\n1,"Rome,31/03/2024,Yes,DSL\n', newline="")
    (found,) = rules.read(lines, MAPPING, FIELDS, "US")
    assert isinstance(found, BadLine)
    assert found.line == 2


def test_a_new_row_sets_everything_it_says() -> None:
    changes = rules.changes(row(), {}, MAPPING, FIELDS, {})
    assert changes == {"city": "Rome", "customer_since": "2024-03-31", "products": ["internet.dsl", "line"]}


@given(CELL, st.sampled_from(["Yes", "No", ""]), st.sampled_from(["DSL", "Fiber", "No"]))
def test_the_same_row_again_changes_nothing(city: str, line: str, net: str) -> None:
    same = row(city, line, net)
    assert rules.changes(same, last(same), MAPPING, FIELDS, {}) == {}


def test_a_changed_cell_of_a_set_moves_only_its_own_elements() -> None:
    before, now = row(net="DSL"), row(net="Fiber")
    state = {"products": FieldState("products", ("internet.dsl", "tv"))}
    # People took the line away here and added tv; the file says something new only of the internet.
    assert rules.changes(now, last(before), MAPPING, FIELDS, state) == {"products": ["internet.fiber", "tv"]}


@pytest.mark.parametrize(
    "columns",
    [
        (),
        (Column("A", "city"), Column("B", "city")),
        (Column("A", "products"),),
        (Column("A", "custom.x", kind="choice"),),
        (Column("A", "custom.x", kind="set", values={"a": "b"}), Column("B", "custom.x", kind="text")),
    ],
)
def test_a_mapping_must_go_together(columns: tuple[Column, ...]) -> None:
    with pytest.raises(BadMapping):
        rules.fields_of(FileMapping("old-crm", "ID", columns), {})


def test_a_defined_custom_field_keeps_its_description() -> None:
    known = Field("custom.plan", "Plan", "number", "latest")
    mapping = FileMapping("old-crm", "ID", (Column("P", "custom.plan", label="Other", kind="text"),))
    assert rules.fields_of(mapping, {"custom.plan": known}) == {"custom.plan": known}
