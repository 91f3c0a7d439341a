"""Facts about what departments define as data. Any service may publish these, about its own definitions."""

from __future__ import annotations

import msgspec

from shared.events.facts import Fact, fact


@fact("definition.made", stream="definition", about="code")
class DefinitionMade(Fact, frozen=True, kw_only=True):
    """A department defined a field, reason, outcome, queue or state of its own. Repeated with changes, the newest
    holds. Fields of customers, which all departments share, have ``custom_field.defined``."""

    kind: str
    """``contact_field``, ``case_field``, ``order_field``, ``reason``, ``outcome``, ``queue``, ``case_state`` or
    ``order_state``."""
    code: str
    """Unique in its kind at its department only: another one's same code is another thing."""
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    """Language -> text."""
    place: int = 0
    """In its list."""
    retired: bool = False
    """It isn't to be chosen any more; what was written with it stands."""
    form: str = ""
    """Of a field: ``text``, ``long_text``, ``number``, ``date``, ``boolean``, ``choice``, ``phone`` or ``email``."""
    choices: tuple[str, ...] = ()
    """The values of a field of the form ``choice``."""
    category: str = ""
    """Of a state: the platform's state that it is a part of, such as ``open``."""
