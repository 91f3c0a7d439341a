"""A record as people read it: fields in their order, what lost and why, numbers in any writing. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

import msgspec
import phonenumbers

from shared.customer.claims import Claim
from shared.customer.fields import BUILT_IN, Field, InvalidValue, UnknownField, field
from shared.customer.fold import Change, FieldState, Record

_ORDER = {name: place for place, name in enumerate(BUILT_IN)}


class Rival(msgspec.Struct, frozen=True):
    """One of the claims between which a person has to choose."""

    claim: str
    value: str
    occurred: datetime
    source: str
    author: str


class Shown(msgspec.Struct, frozen=True):
    """One field of a record."""

    name: str
    label: str
    value: str | tuple[str, ...]
    heads: list[str]
    """The claims that an edit made from this answer has seen."""
    rivals: list[Rival]
    """Empty unless a person has to choose."""


class Entry(msgspec.Struct, frozen=True):
    """A claim that lost: what it said, to whom it lost, why, and whether the matter is settled."""

    claim: str
    field: str
    label: str
    value: str
    occurred: datetime
    source: str
    author: str
    reason: str
    winner: str | None
    winning_value: str | None
    settled_by: str | None


def shown(record: Record, custom: Mapping[str, Field], claims: Mapping[str, Claim]) -> list[Shown]:
    """The fields of a record in the order of people; ``claims`` has at least those in conflict."""
    return [
        Shown(
            name,
            _label(name, custom),
            state.value,
            _flat(state),
            [_rival(claims[id]) for id in state.open if id in claims],
        )
        for name, state in sorted(record.states.items(), key=lambda item: _place(item[0]))
    ]


def ledger(record: Record, custom: Mapping[str, Field], claims: Mapping[str, Claim]) -> list[Entry]:
    """Every losing value of a record, the newest first."""
    entries = []
    for lost in record.ledger:
        claim, winner = claims.get(lost.claim), claims.get(lost.winner or "")
        if claim is None:
            continue
        entries.append(
            Entry(
                claim=lost.claim,
                field=lost.field,
                label=_label(lost.field, custom),
                value=lost.value,
                occurred=claim.occurred,
                source=claim.source,
                author=claim.author,
                reason=lost.reason,
                winner=lost.winner,
                winning_value=winner.value if winner else None,
                settled_by=lost.settled_by,
            )
        )
    return sorted(entries, key=lambda entry: (entry.occurred, entry.claim), reverse=True)


def full_name(record: Record) -> str:
    """What to call a customer; empty when no name is known."""

    def one(name: str) -> str:
        value = record.states[name].value if name in record.states else ""
        return value if isinstance(value, str) else ""

    return " ".join(filter(None, (one("given_name"), one("family_name")))) or one("company")


def with_code(changes: Mapping[str, Change], custom: Mapping[str, Field], region: str) -> dict[str, Change]:
    """The changes with phone numbers as fields take them. ``region``: the country of numbers without a code.

    Raises ``UnknownField`` and ``InvalidValue``.
    """
    return {name: _coded(field(name, custom), change, region) for name, change in changes.items()}


def _coded(of: Field, change: Change, region: str) -> Change:
    if of.kind != "phone" or not isinstance(change, str) or not change.strip():
        return change
    try:
        # 00 is dialled before a country code in most countries, and begins a national number in none.
        number = phonenumbers.parse(re.sub(r"^\s*\(?00\)?", "+", change), region)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        raise InvalidValue(of, "a phone number is expected, such as +1 555 010 0199")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _place(name: str) -> tuple[int, str]:
    return _ORDER.get(name, len(_ORDER)), name


def _label(name: str, custom: Mapping[str, Field]) -> str:
    try:
        return field(name, custom).label
    except UnknownField:
        return name


def _flat(state: FieldState) -> list[str]:
    return sorted({id for ids in state.heads.values() for id in ids})


def _rival(claim: Claim) -> Rival:
    return Rival(claim.id, claim.value, claim.occurred, claim.source, claim.author)
