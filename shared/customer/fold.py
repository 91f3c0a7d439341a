"""A customer's record, folded from the set of its claims, and the claims of a new edit.

The same claims in any order, repeated or arriving late, fold to the same record. Fields don't depend on each
other: after new claims only the fields they name need to be folded again.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from shared.customer.claims import Claim
from shared.customer.fields import Field, InvalidValue, UnknownField, field, parse, refuse_retired
from shared.customer.policies import POLICIES, UNDISPUTED, FieldState, Lost, undisputed
from shared.texts import N_

__all__ = ["Change", "FieldState", "Lost", "Record", "decide", "edit", "fold", "fold_field", "full_name"]

Change = str | Collection[str]
"""What a field is to become: its new text, or the text to append; of a set `+element`, `-element`, or all the
elements it is to have."""


class Record(msgspec.Struct, frozen=True):
    """What is known of a customer: the folded fields by name."""

    states: dict[str, FieldState]

    @property
    def values(self) -> dict[str, str | tuple[str, ...]]:
        """The values by field; empty ones too, where something was claimed."""
        return {name: state.value for name, state in self.states.items()}

    @property
    def name(self) -> str:
        """What to call the customer; empty when no name is known."""
        return full_name(self.values)

    @property
    def open(self) -> dict[str, tuple[str, ...]]:
        """The fields in which a person has to choose, and the claims between which."""
        return {name: state.open for name, state in self.states.items() if state.open}

    @property
    def ledger(self) -> tuple[Lost, ...]:
        """Every claim that lost, by field."""
        return tuple(lost for state in self.states.values() for lost in state.ledger)


def full_name(values: Mapping[str, str | tuple[str, ...]]) -> str:
    """What people call the customer of a record with these values: by name, else the company; empty when unknown."""
    person = " ".join(str(values[name]) for name in ("given_name", "family_name") if values.get(name))
    return person or str(values.get("company") or "")


def fold(claims: Iterable[Claim], custom: Mapping[str, Field]) -> Record:
    """The record that the claims make; never raises for what a claim says.

    `custom` are the described fields of departments. Claims of fields that aren't known here (a newer
    publisher's) are left out: folded by a guessed policy they would show a wrong value.
    """
    by_field: dict[str, list[Claim]] = {}
    for claim in claims:
        by_field.setdefault(claim.field, []).append(claim)
    states = {}
    for name in sorted(by_field):
        try:
            states[name] = fold_field(field(name, custom), by_field[name])
        except UnknownField:
            continue
    return Record(states)


def fold_field(field: Field, claims: Iterable[Claim]) -> FieldState:
    """The state of one field; claims of other fields are ignored."""
    own = [claim for claim in claims if claim.field == field.name]
    if len(own) == 1 and field.policy in UNDISPUTED:
        return undisputed(field, own[0])
    return POLICIES[field.policy](field, own)


def edit(
    states: Mapping[str, FieldState],
    changes: Mapping[str, Change],
    custom: Mapping[str, Field],
    *,
    ids: Iterator[str],
    occurred: datetime,
    source: str,
    author: str,
) -> list[Claim]:
    """The claims of an author who saw these states; a value that is already so needs none.

    `ids` gives a UUIDv7 for each claim. Raises UnknownField, InvalidValue, also for a new value of a retired field.
    """
    return [
        decide(state, value, id=next(ids), occurred=occurred, source=source, author=author)
        for name, change in changes.items()
        for state in [states.get(name) or fold_field(field(name, custom), ())]
        for value in _news(field(name, custom), state, change)
    ]


def decide(state: FieldState, value: str, *, id: str, occurred: datetime, source: str, author: str) -> Claim:
    """One claim of a canonical value by somebody who saw all heads. The value may be the standing one, which
    settles a conflict in its favour, or that of a lost claim, which restores it.
    """
    saw = state.heads.get("", state.heads.get(value[1:], ()))
    return Claim(id, state.field, value, saw, occurred, source, author)


def _news(field: Field, state: FieldState, change: Change) -> list[str]:
    news = _different(field, state, change)
    for value in news:
        refuse_retired(field, value)
    return news


def _different(field: Field, state: FieldState, change: Change) -> list[str]:
    if field.kind == "set":
        return _set_news(field, state.value, change)
    if not isinstance(change, str):
        raise InvalidValue(field, N_("this isn't a set and takes one text"))
    value = parse(field, change)
    return [value] if value != ("" if field.many else state.value) else []


def _set_news(field: Field, present: Collection[str], change: Change) -> list[str]:
    if isinstance(change, str):
        signed = [parse(field, change)]
    else:
        wanted = {parse(field, "+" + element)[1:] for element in change}
        signed = ["+" + e for e in sorted(wanted)] + ["-" + e for e in sorted(set(present) - wanted)]
    return [value for value in signed if (value[0] == "+") != (value[1:] in present)]
