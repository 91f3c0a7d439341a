"""Everything that people read in sync has a text, in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import services.sync
from services.sync import wiring
from services.sync.customers.pages import REASONS
from services.sync.timeline.lines import LABELS
from services.sync.timeline.titles import GROUPS, PROBLEMS, TITLES, title
from shared.customer.fields import BUILT_IN
from shared.edge.language import LANGUAGES, catalog
from shared.events.catalogue import FACT_TYPES

SAME_IN_SPANISH = {"no"}


def texts() -> Iterator[str]:
    """Every text that is translated: of tables, and those marked in code and templates."""
    tables: tuple[Mapping[str, str], ...] = (TITLES, GROUPS, PROBLEMS, LABELS, REASONS)
    for table in tables:
        yield from table.values()
    yield from (field.label for field in BUILT_IN.values())
    yield from BUILT_IN["status"].choices
    for folder in (*wiring.TEMPLATES, Path(services.sync.__file__).parent):
        for path in [*folder.glob("*.html"), *folder.glob("*.py")]:
            yield from re.findall(r'\b(?:_|N_)\("([^"]+)"', path.read_text(encoding="utf-8"))


def test_every_type_of_the_catalogue_has_a_title() -> None:
    assert set(FACT_TYPES) - set(TITLES) == set()


@pytest.mark.parametrize("event_type", sorted(FACT_TYPES))
def test_a_title_is_another_one_in_spanish(event_type: str) -> None:
    english, spanish = (title(event_type, catalog(language).gettext) for language in LANGUAGES)
    assert english == TITLES[event_type]
    assert spanish != english


def test_a_type_that_is_not_known_is_named_by_its_words() -> None:
    assert title("site_visit.planned", catalog("es").gettext) == "Site visit planned"


def test_every_text_has_its_spanish() -> None:
    known = catalog("es").texts
    assert {text for text in texts() if not known.get(text)} - SAME_IN_SPANISH == set()
