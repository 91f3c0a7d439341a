"""Texts for people: marked in English where they are written, put into the reader's language where they are shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Translate = Callable[[str], str]
"""Gives a marked text in a language; ``str`` gives it as it is."""


def N_(message: str) -> str:
    """Mark a text that is translated where it is shown."""
    return message


@dataclass(frozen=True)
class Text:
    """A marked text and the values of its places, ``%(name)s``. A value may be a text itself."""

    message: str
    values: Mapping[str, object] = field(default_factory=dict)

    def told(self, translate: Translate) -> str:
        """The text in a language."""
        said = translate(self.message)
        if not self.values:
            return said
        return said % {name: _told(value, translate) for name, value in self.values.items()}

    def kept(self) -> dict[str, Any]:
        """The text as JSON keeps it until it is told."""
        values = {name: of.kept() if isinstance(of, Text) else str(of) for name, of in self.values.items()}
        return {"text": self.message, "values": values}

    def __str__(self) -> str:
        return self.told(str)


def restored(kept: Mapping[str, Any]) -> Text:
    """The text that was ``kept``."""
    values = {name: restored(of) if isinstance(of, Mapping) else of for name, of in kept["values"].items()}
    return Text(kept["text"], values)


UNSAID = Text("")
"""No words at all."""


def _told(value: object, translate: Translate) -> object:
    return value.told(translate) if isinstance(value, Text) else value


class Saying(Exception):
    """An error whose text people read. ``raise NotFound(N_("there is no case %(case)s"), case=id)``, or
    ``raise Invalid(error)`` for what another one said; ``str`` of it is the English text."""

    def __init__(self, said: str | Saying | Text, /, **values: object) -> None:
        if isinstance(said, Saying):
            said = said.text
        self.text: Text = said if isinstance(said, Text) else Text(said, values)
        super().__init__(str(self.text))
