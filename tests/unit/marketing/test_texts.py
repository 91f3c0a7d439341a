"""Texts of marketing's pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file

from services.marketing import texts
from shared.edge.language import LANGUAGES, catalog

SERVICE = Path(texts.__file__).parent


def marked() -> set[str]:
    """The texts in templates, and those marked in code."""
    files = [(path, "jinja2.ext:babel_extract", "_") for path in SERVICE.glob("*/templates/*.html")]
    files += [(path, "python", "N_") for path in SERVICE.glob("**/*.py")]
    found = (extract_from_file(method, str(path), keywords={mark: None}) for path, method, mark in files)
    return {text for of in found for _, text, _, _ in of if isinstance(text, str)}


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_no_text_lacks_a_translation(language: str) -> None:
    there = catalog(language).texts
    assert {"Another rule", "Segments", "an order was cancelled"} <= marked()
    assert sorted(text for text in marked() if not there.get(text)) == []
