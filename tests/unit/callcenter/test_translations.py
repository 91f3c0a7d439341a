"""Every text for people is there in every language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file

from services.callcenter import texts
from shared.edge.language import LANGUAGES, catalog

ROOT = Path(__file__).parents[3]
TEMPLATES = [*ROOT.glob("shared/web/templates/*.html"), *ROOT.glob("services/callcenter/*/templates/*.html")]
CODE = [*ROOT.glob("shared/web/*.py"), *ROOT.glob("services/callcenter/**/*.py")]
OTHERS = [language for language in LANGUAGES if language != "en"]


def marked() -> Iterator[str]:
    """The texts in templates, those marked in code, and those of the built-in fields."""
    for path in TEMPLATES:
        yield from _texts(path, "jinja2.ext:babel_extract")
    for path in CODE:
        yield from _texts(path, "python")
    yield from texts.FIELDS


def _texts(path: Path, method: str) -> Iterator[str]:
    for _, text, _, _ in extract_from_file(method, str(path), keywords={"_": None, "gettext": None, "N_": None}):
        if isinstance(text, str):
            yield text


@pytest.mark.parametrize("language", OTHERS)
def test_no_text_lacks_a_translation(language: str) -> None:
    there = catalog(language).texts
    assert sorted(text for text in set(marked()) if not there.get(text)) == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_places_of_its_text(language: str) -> None:
    for text, translation in catalog(language).texts.items():
        assert _places(text) == _places(translation), text


def _places(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)s", text))


def test_texts_are_found_where_they_stand() -> None:
    assert {"Wrap up", "Sign out", "Open cases", "Date of birth", "lapsed"} <= set(marked())
