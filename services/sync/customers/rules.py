"""A record as people read it: fields in their order, what lost and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from shared.access.grants import Fields
from shared.customer.claims import Claim, rank
from shared.customer.fields import BUILT_IN, Field, UnknownField, field
from shared.customer.fold import FieldState, Record

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
    value: str | None
    """None where it isn't shown to this reader."""
    occurred: datetime
    source: str
    author: str
    reason: str
    winner: str | None
    winning_value: str | None
    winner_author: str
    winner_source: str
    winner_occurred: datetime | None
    settled_by: str | None
    masked: bool
    """Whether the values aren't shown to this reader."""
    standing: str | tuple[str, ...] | None = None
    """What the field says now; none where it isn't shown."""
    restorable: bool = False
    """Whether it could stand again, as another value stands now."""
    before: str | None = None
    """It stands again: the claim that stood until then, which takes that back."""
    before_value: str | None = None


def shown(record: Record, custom: Mapping[str, Field], claims: Mapping[str, Claim]) -> list[Shown]:
    """The fields of a record in the order of people; ``claims`` has at least those in conflict."""
    return [
        Shown(
            name,
            label(name, custom),
            state.value,
            _flat(state),
            [_rival(claims[id]) for id in state.open if id in claims],
        )
        for name, state in sorted(record.states.items(), key=lambda item: _place(item[0]))
    ]


def ledger(record: Record, custom: Mapping[str, Field], claims: Mapping[str, Claim], seen: Fields) -> list[Entry]:
    """Every losing value of a record, the newest first; without the values of fields that aren't ``seen``."""
    entries = []
    for lost in record.ledger:
        claim, winner = claims.get(lost.claim), claims.get(lost.winner or "")
        if claim is None:
            continue
        shown = lost.field in seen
        state = record.states[lost.field]
        stood = _stood_before(state, claim, claims) if shown else None
        entries.append(
            Entry(
                claim=lost.claim,
                field=lost.field,
                label=label(lost.field, custom),
                value=lost.value if shown else None,
                occurred=claim.occurred,
                source=claim.source,
                author=claim.author,
                reason=lost.reason,
                winner=lost.winner,
                winning_value=winner.value if winner and shown else None,
                winner_author=winner.author if winner else "",
                winner_source=winner.source if winner else "",
                winner_occurred=winner.occurred if winner else None,
                settled_by=lost.settled_by,
                masked=not shown,
                standing=state.value if shown else None,
                restorable=shown and lost.winner is not None and not _stands(lost.value, state.value),
                before=stood.id if stood else None,
                before_value=stood.value if stood else None,
            )
        )
    return sorted(entries, key=lambda entry: (entry.occurred, entry.claim), reverse=True)


def _stands(value: str, standing: str | tuple[str, ...]) -> bool:
    """Whether the claim of a value says what is so; of a set it adds or removes an element."""
    if isinstance(standing, str):
        return value == standing
    return (value[:1] == "+") == (value[1:] in standing)


def _stood_before(state: FieldState, lost: Claim, claims: Mapping[str, Claim]) -> Claim | None:
    """If a claim lets the value that lost stand again: what it took the place of."""
    heads = [claims[id] for id in _flat(state) if id in claims]
    if not isinstance(state.value, str) or len(heads) != 1 or heads[0].value != lost.value:
        return None
    again = heads[0]
    replaced = [claims[id] for id in again.saw if id in claims and claims[id].value != lost.value]
    return max(replaced, key=rank) if replaced and again.id != lost.id else None


def _place(name: str) -> tuple[int, str]:
    return _ORDER.get(name, len(_ORDER)), name


def label(name: str, custom: Mapping[str, Field]) -> str:
    """What people call a field; its name where it isn't known here."""
    try:
        return field(name, custom).label
    except UnknownField:
        return name


def _flat(state: FieldState) -> list[str]:
    return sorted({id for ids in state.heads.values() for id in ids})


def _rival(claim: Claim) -> Rival:
    return Rival(claim.id, claim.value, claim.occurred, claim.source, claim.author)
