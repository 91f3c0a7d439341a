"""Texts for people in their language, from the gettext catalogs, read at start."""

from __future__ import annotations

from functools import cache
from gettext import NullTranslations
from pathlib import Path

from babel import negotiate_locale
from babel.messages.pofile import read_po
from starlette.requests import HTTPConnection

from shared.texts import Translate

FOLDER = Path(__file__).parents[1] / "web" / "translations"
"""Beside the templates, whose texts most of them are."""
LANGUAGES = ("en", "es")
"""Languages there are; texts in the code are in the first."""
COOKIE = "crm_language"
"""Set by a script when the reader chooses a language."""
VARY = "accept-language, cookie"
"""What an answer depends on that holds texts for people."""


class Catalog(NullTranslations):
    """The texts of one language; a text that isn't in it stays as it is."""

    def __init__(self, texts: dict[str, str]) -> None:
        super().__init__()
        self.texts = texts

    def gettext(self, message: str) -> str:
        return self.texts.get(message) or message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


@cache
def catalog(language: str) -> Catalog:
    """The texts of a language. Raises ``OSError`` for one of which there is no catalog."""
    if language == LANGUAGES[0]:
        return Catalog({})
    with (FOLDER / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        entries = read_po(file, locale=language)
    texts: dict[str, str] = {}
    for entry in entries:
        if isinstance(entry.id, str):
            texts[entry.id] = str(entry.string)
        else:
            # One number of things, and others.
            texts |= dict(zip(tuple(entry.id), tuple(entry.string or ()), strict=False))
    return Catalog({text: said for text, said in texts.items() if text})


def language_of(request: HTTPConnection) -> str:
    """The language that the reader chose, else the one that the browser likes best, of those there are."""
    if (chosen := request.cookies.get(COOKIE)) in LANGUAGES:
        return str(chosen)
    wanted = [part.partition(";")[0].strip() for part in request.headers.get("accept-language", "").split(",")]
    return negotiate_locale(wanted, LANGUAGES, sep="-") or LANGUAGES[0]


def translation_for(request: HTTPConnection) -> Translate:
    """Gives texts in the language of who asks."""
    return catalog(language_of(request)).gettext
