"""What is English on a page for somebody who reads Spanish."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser

from shared.edge.language import catalog

SAID = ("aria-label", "placeholder", "title", "alt", "data-said", "data-lost")
UNSEEN = ("script", "style")
VOID = ("area", "br", "col", "hr", "img", "input", "link", "meta", "use", "wbr")
_PLACE = re.compile(r"%\(\w+\)[sd]")


class Words(HTMLParser):
    """What of a page people read or hear, but for what says itself that it is in another language."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.headings = 0
        self.language = ""
        self._within: list[bool] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "html":
            self.language = given.get("lang", "")
        self.headings += tag == "h1"
        hidden = self._is_hidden or tag in UNSEEN or given.get("lang", "es") != "es"
        if not hidden:
            self.texts += [given[name] for name in SAID if name in given]
        if tag not in VOID:
            self._within.append(hidden)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and self._within:
            self._within.pop()

    def handle_data(self, data: str) -> None:
        if not self._is_hidden and data.strip():
            self.texts.append(" ".join(data.split()))

    @property
    def _is_hidden(self) -> bool:
        return bool(self._within) and self._within[-1]


def english_in(words: Words) -> set[str]:
    """What the catalog has in Spanish, and isn't."""
    return {f"{text!r} in {said!r}" for said in words.texts for text, looks in _english() if looks.search(said)}


@cache
def _english() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(_looks())


def _looks() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Texts of more than one word that are others in Spanish, and how they look on a page."""
    for text, spanish in catalog("es").texts.items():
        words = " ".join(text.split())
        if text != spanish and " " in _PLACE.sub("", words).strip():
            yield text, re.compile(r"(?<!\w)" + ".+".join(map(re.escape, _PLACE.split(words))) + r"(?!\w)")
