"""Every text of administration is there in every language, and every action has a name."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file

from shared.access.actions import Action, Reach
from shared.administration import texts
from shared.edge.language import LANGUAGES, catalog

FOLDER = Path(__file__).parents[3] / "shared" / "administration"
WORDS = {"_": None, "gettext": None, "N_": None}


def marked() -> set[str]:
    sources = [(path, "jinja2.ext:babel_extract") for path in FOLDER.glob("*/templates/*.html")]
    sources += [(path, "python") for path in FOLDER.rglob("*.py")]
    return {
        text
        for path, method in sources
        for _, text, _, _ in extract_from_file(method, str(path), keywords=WORDS)
        if isinstance(text, str)
    }


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_no_text_lacks_a_translation(language: str) -> None:
    there = catalog(language).texts
    assert sorted(text for text in marked() if not there.get(text)) == []


def test_every_action_and_reach_has_a_name() -> None:
    assert texts.ACTIONS.keys() == set(Action)
    assert texts.REACHES.keys() == {str(reach) for reach in Reach}
