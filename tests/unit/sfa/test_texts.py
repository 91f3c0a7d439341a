"""Everything that people read in sales force automation has a text, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file

import services.sfa
from services.sfa import texts
from services.sfa.orders.rules import STATES
from services.sfa.requests.pages import STATES as REQUESTED
from services.sfa.requests.rules import WAITS
from shared.edge.language import LANGUAGES, catalog

HERE = Path(services.sfa.__file__).parent
OTHERS = [language for language in LANGUAGES if language != "en"]


def marked() -> Iterator[str]:
    """The texts in templates, those marked in code, and those of the built-in fields."""
    for pattern, method in (("*/templates/*.html", "jinja2.ext:babel_extract"), ("**/*.py", "python")):
        for path in HERE.glob(pattern):
            found = extract_from_file(method, str(path), keywords={"_": None, "gettext": None, "N_": None})
            yield from (text for _, text, _, _ in found if isinstance(text, str))
    yield from texts.FIELDS


@pytest.mark.parametrize("language", OTHERS)
def test_no_text_lacks_a_translation(language: str) -> None:
    there = catalog(language).texts
    assert sorted(text for text in set(marked()) if not there.get(text)) == []


def test_every_code_has_its_words() -> None:
    assert {*STATES, *REQUESTED} <= texts.STATES.keys()
    assert {*WAITS, "order_exists", "person"} <= texts.CODES.keys()
