"""What is shown of definitions. Nothing here writes."""

from __future__ import annotations

from shared.access.actions import Action
from shared.administration.definitions.rules import Listed
from shared.customer.definitions import KINDS
from shared.pipeline import definitions, vocabulary
from shared.pipeline.look import Look


def everything(look: Look, kind: str | None = None) -> list[Listed]:
    """The department's own definitions, of one kind or all, and the fields of customers that all share. Raises
    ``Forbidden``."""
    look.need(Action.FIELD_READ)
    own = vocabulary.own(look.session, look.source, *KINDS.get(look.source, ()))
    shared = [
        Listed(vocabulary.described(field), field.department, field.department in ("", look.source))
        for field in definitions.custom_fields(look.session).values()
    ]
    found = [*shared, *(Listed(one, look.source, True) for one in own)]
    return [one for one in found if kind is None or one.definition.kind == kind]
