"""What a department defines of its own as data: fields, reasons, outcomes, queues, and states beside the platform's.

One idea for all of them: a definition has a kind and a code, labels for people, a place in its list, and is retired
instead of deleted, so that what was written by it can always be read. Codes are the department's own: another one's
same code is another definition.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

import msgspec

from shared.customer.fields import CUSTOM, Field, InvalidField, InvalidValue, Kind, PolicyName, parse
from shared.texts import N_, Saying, Text

CUSTOMER_FIELD = "customer_field"
FIELD_KINDS = (CUSTOMER_FIELD, "contact_field", "case_field", "order_field")
STATE_KINDS: Mapping[str, tuple[str, ...]] = {"case_state": ("open",), "order_state": ("placed", "provisioned")}
"""Kind -> the platform's own states that a department may divide further. Rules and clocks look at these alone."""
NEEDED = (N_("reason"), N_("outcome"), N_("queue"))
"""Kinds of which one has to stand, or nothing could be chosen any more."""
KINDS: Mapping[str, tuple[str, ...]] = {
    "callcenter": (CUSTOMER_FIELD, "contact_field", "case_field", "reason", "outcome", "queue", "case_state"),
    "marketing": (CUSTOMER_FIELD,),
    "sfa": (CUSTOMER_FIELD, "order_field", "order_state"),
    "sync": (CUSTOMER_FIELD,),
}
"""What each department may define."""
FORMS: tuple[Kind, ...] = ("text", "long_text", "number", "date", "boolean", "choice", "phone", "email")
"""What a field may hold. Customers' fields may be sets as well."""
MOST = 200
"""Definitions of one kind that stand at once; a longer list helps nobody."""

_CODE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")


class NotDefinable(Saying, ValueError):
    """The definition can't be as it was asked for; the text says why."""


class NotTaken(Saying, ValueError):
    """A value isn't one that the department's fields take; the text names the field, never the value."""


class Definition(msgspec.Struct, frozen=True):
    """One thing that a department defined."""

    kind: str
    code: str
    labels: Mapping[str, str] = {}
    """Language -> text; English at least."""
    place: int = 0
    """In its list; of two with the same, by code."""
    retired: bool = False
    form: str = ""
    """Of a field: what it holds, as the kinds of customers' fields."""
    choices: tuple[str, ...] = ()
    """Of a field that is a choice."""
    category: str = ""
    """Of a state: the platform's state that it is a part of."""

    def label(self, language: str) -> str:
        """The text in a language, else in English, else the code."""
        return self.labels.get(language) or self.labels.get("en") or self.code


def check(service: str, new: Definition) -> None:
    """Raises ``NotDefinable`` unless the department may have this definition."""
    kinds = KINDS.get(service, ())
    if new.kind not in kinds:
        raise NotDefinable(
            N_("%(service)s defines %(kinds)s, and no %(kind)s"),
            service=service,
            kinds=", ".join(kinds) or Text(N_("nothing")),
            kind=Text(new.kind),
        )
    pattern = _NAME if new.kind in FIELD_KINDS else _CODE
    if not pattern.fullmatch(new.code):
        raise NotDefinable(N_("a code is of small letters, digits and _, at most 40 of them, and begins with a letter"))
    if not new.labels.get("en", "").strip():
        raise NotDefinable(N_("a label in English is needed; other languages show it where they have none"))
    if new.kind in FIELD_KINDS:
        _check_field(new)
    elif new.form or new.choices:
        raise NotDefinable(N_("a %(kind)s holds no value, so it has neither form nor choices"), kind=Text(new.kind))
    if new.category not in STATE_KINDS.get(new.kind, ("",)):
        known = ", ".join(STATE_KINDS.get(new.kind, ()))
        said = N_("a %(kind)s is a part of %(known)s") if known else N_("a %(kind)s is a part of no state")
        raise NotDefinable(said, kind=Text(new.kind), known=known)


def _check_field(new: Definition) -> None:
    forms = (*FORMS, "set") if new.kind == CUSTOMER_FIELD else FORMS
    if new.form not in forms:
        raise NotDefinable(N_("a field holds one of %(forms)s"), forms=", ".join(forms))
    if len(set(new.choices)) < len(new.choices) or not all(choice.strip() == choice != "" for choice in new.choices):
        raise NotDefinable(N_("choices are different from each other, not empty, and without spaces around them"))
    try:
        field_of(new)
    except InvalidField as error:
        raise NotDefinable(error) from None


def check_change(new: Definition, before: Definition | None, others: Iterable[Definition]) -> None:
    """Raises ``NotDefinable`` when the change would make what was written before unreadable, or leave nothing to
    choose. ``others``: of the same kind."""
    stand = [one for one in others if not one.retired and one.code != new.code]
    if not new.retired and len(stand) >= MOST:
        raise NotDefinable(N_("there are %(most)s of these already; retire what isn't used any more"), most=MOST)
    if new.retired and new.kind in NEEDED and not stand:
        raise NotDefinable(
            N_("this is the last %(kind)s that can be chosen; define another one first"), kind=Text(new.kind)
        )
    if before is not None and before.form != new.form:
        raise NotDefinable(
            N_("%(code)s holds a %(form)s already; retire it, and define another one for %(wanted)s"),
            code=new.code,
            form=before.form,
            wanted=new.form,
        )


def field_of(definition: Definition) -> Field:
    """The field by which values of the definition are read. Raises ``InvalidField``."""
    policy: PolicyName = "add_remove_set" if definition.form == "set" else "latest"
    name = CUSTOM + definition.code if definition.kind == CUSTOMER_FIELD else definition.code
    return Field(
        name,
        definition.label("en"),
        definition.form,  # type: ignore[arg-type]
        policy,
        choices=definition.choices,
        labels={language: text for language, text in definition.labels.items() if language != "en"},
        place=definition.place,
        retired=definition.retired,
    )


def taken(values: Mapping[str, str], definitions: Collection[Definition]) -> dict[str, str]:
    """The values by code in the form in which they are kept; what is empty is left out.

    Raises ``NotTaken`` for a code that isn't defined or is retired, and for a value that the field doesn't take.
    """
    known = {definition.code: definition for definition in definitions}
    kept = {}
    for code, text in values.items():
        of = known.get(code)
        if of is None:
            raise NotTaken(N_("there is no field %(code)s"), code=code)
        if of.retired and text.strip():
            raise NotTaken(N_("%(code)s: this field was retired and takes nothing new"), code=code)
        try:
            value = parse(field_of(of), text)
        except InvalidValue as error:
            raise NotTaken(error) from None
        if value:
            kept[code] = value
    return kept


def step_of(state: str, step: str, definitions: Iterable[Definition]) -> Definition | None:
    """The department's state to show beside the platform's; none when that has gone on meanwhile."""
    return next((one for one in definitions if one.code == step and one.category == state), None)


def moved(state: str, step: str, definitions: Iterable[Definition]) -> str:
    """The step into which something of this state may be put; empty takes it out of the one that it is in.

    Raises ``NotTaken`` for one that isn't defined, is retired, or belongs to another state.
    """
    if not step:
        return ""
    of = step_of(state, step, definitions)
    if of is None or of.retired:
        raise NotTaken(N_("there is no state %(step)s for what is %(state)s"), step=step, state=state)
    return step
