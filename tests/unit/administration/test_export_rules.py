"""A customer in a file: nothing that a spreadsheet calculates, and what is masked is named."""

from __future__ import annotations

import csv
import io
import json

from hypothesis import given
from hypothesis import strategies as st

from shared.administration.exports.rules import Csv, Line, Ndjson, harmless

texts = st.text(st.characters(blacklist_categories=["Cs", "Cc"], whitelist_characters="\t\r\n"), max_size=20)


@given(texts)
def test_no_cell_begins_as_a_formula_does(text: str) -> None:
    assert harmless(text)[:1] not in ("=", "+", "-", "@", "\t", "\r")
    assert harmless(text).removeprefix("'") == text.removeprefix("'")


@given(st.dictionaries(st.sampled_from(["given_name", "phone", "notes"]), texts))
def test_a_line_of_a_table_reads_back(values: dict[str, str]) -> None:
    form = Csv(["given_name", "phone", "notes"])
    text = (form.head() + form.line(Line("c1", "2026-01-01", values, ["email", "city"]))).decode()
    head, line = csv.reader(io.StringIO(text, newline=""))
    assert head == ["customer", "registered", "given_name", "phone", "notes", "masked"]
    wanted = [harmless(values.get(name, "")) for name in ("given_name", "phone", "notes")]
    assert line == ["c1", "2026-01-01", *wanted, "email city"]


def test_formulas_and_sets() -> None:
    line = Line("c1", "d", {"phone": "+15550100", "notes": ("=1+1", "b")}, [])
    assert Csv(["phone", "notes"]).line(line) == b"c1,d,'+15550100,'=1+1; b,\r\n"
    assert json.loads(Ndjson().line(line))["values"] == {"phone": "+15550100", "notes": ["=1+1", "b"]}
