"""Texts of marketing's pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file

from services.marketing import texts
from services.marketing.segments import pages
from shared.web import i18n

SERVICE = Path(texts.__file__).parent


def marked() -> set[str]:
    """The texts in templates, and those marked in code."""
    files = [(path, "jinja2.ext:babel_extract", "_") for path in SERVICE.glob("*/templates/*.html")]
    files += [(path, "python", "N_") for path in SERVICE.glob("**/*.py")]
    found = (extract_from_file(method, str(path), keywords={mark: None}) for path, method, mark in files)
    return {text for of in found for _, text, _, _ in of if isinstance(text, str)}


@pytest.mark.parametrize("language", [language for language in i18n.LANGUAGES if language != "en"])
def test_no_text_lacks_a_translation(language: str) -> None:
    there = i18n.catalog(language).texts
    assert {"Another rule", "Segment", "an order was cancelled"} <= marked()
    assert sorted(text for text in marked() if not there.get(text)) == []


@pytest.mark.parametrize(
    ("minor", "currency", "language", "expected"),
    [(500_00, "USD", "en", "$500.00"), (-5, "USD", "en", "-$0.05"), (500, "JPY", "en", "¥500")],
)
def test_money_is_written_with_as_many_places_as_its_currency_has(
    minor: int, currency: str, language: str, expected: str
) -> None:
    assert texts.words(str, language)["money"](minor, currency) == expected


def test_the_line_of_sizes_stays_in_its_picture() -> None:
    assert pages.line([0, 5, 10]) == "0,120 300,60 600,0"
    assert pages.line([0]) == "0,120"
