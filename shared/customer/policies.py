"""The policies: which claim stands when claims of a field conflict, and what becomes of the others.

Each is a function of the set of claims of one field. Claims conflict when neither author saw the other's
claim and the values differ. A claim that was seen and replaced is history; a claim that stood beside another
and wasn't picked is lost, and stays in the ledger after a later claim settled the matter.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import msgspec

from shared.customer.claims import Claim, History, distinct, rank
from shared.customer.fields import Field, PolicyName

Reason = Literal["later", "add_wins", "stricter", "earlier_stands", "not_owner", "malformed"]
Pick = Callable[[tuple[Claim, ...]], Claim]


class Lost(msgspec.Struct, frozen=True):
    """A claim that lost: to which other (None where no claim won), why, and by which later claim the matter
    was settled (None: by nobody yet).
    """

    claim: str
    field: str
    value: str
    winner: str | None
    reason: Reason
    settled_by: str | None = None


class FieldState(msgspec.Struct, frozen=True, omit_defaults=True):
    """One field, folded. `value` is a tuple for sets (sorted) and append-only fields; empty: nothing known.

    `heads` are the claims that a new claim has to name as seen: under "" or, of a set, under each element,
    removed ones included. `open` are the claims between which a person has to choose. The ledger is in the
    order (occurred, id).
    """

    field: str
    value: str | tuple[str, ...]
    heads: dict[str, tuple[str, ...]] = {}
    open: tuple[str, ...] = ()
    ledger: tuple[Lost, ...] = ()


def latest(field: Field, claims: Iterable[Claim]) -> FieldState:
    """The head with the greatest (occurred, id) stands. Heads with the same value don't conflict, so this is
    a three-way merge: who changed nothing overwrites nothing.
    """
    return _register(field, History.of(claims), _last, "later")


def most_restrictive(field: Field, claims: Iterable[Claim]) -> FieldState:
    """'false' stands before empty (not known), empty before 'true', whatever came later: only who saw the
    stricter claim can loosen it.
    """
    return _register(field, History.of(claims), _strictest, "stricter")


def ask_a_person(field: Field, claims: Iterable[Claim]) -> FieldState:
    """The head with the least (occurred, id) stands, and the conflict is open until a claim saw all heads."""
    history = History.of(claims)
    state = _register(field, history, _first, "earlier_stands")
    rivals = history.heads()
    conflict = len({claim.value for claim in rivals}) > 1
    return msgspec.structs.replace(state, open=_ids(rivals) if conflict else ())


def owner_only(field: Field, claims: Iterable[Claim]) -> FieldState:
    """Only claims published by the field's owner count, the latest stands. All others are in the ledger,
    settled by the owner's first claim that saw them.
    """
    everyone = History.of(claims)
    owned = {id for id, claim in everyone.claims.items() if claim.source == field.owner}
    own = everyone.only(owned)
    state = _register(field, own, _last, "later")
    winner = _last(own.heads()).id if owned else None
    foreign = tuple(
        Lost(id, field.name, everyone.claims[id].value, winner, "not_owner", seer.id if seer else None)
        for id, seer in everyone.seen_first_by(owned).items()
        if id not in owned
    )
    ledger = _in_order(state.ledger + foreign, everyone.claims)
    return msgspec.structs.replace(state, heads=_heads(everyone), ledger=ledger)


def append_only(field: Field, claims: Iterable[Claim]) -> FieldState:
    """Every value is kept, in the order (occurred, id), repeated ones too. Nothing conflicts, nothing is
    replaced; empty values are left out.
    """
    history = History.of(claims)
    texts = (claim.value for claim in sorted(history.claims.values(), key=rank))
    return FieldState(field.name, tuple(text for text in texts if text), _heads(history))


def add_remove_set(field: Field, claims: Iterable[Claim]) -> FieldState:
    """Each element is a register of its own, in which an add stands before a remove that didn't see it (as in
    the OR-set of Shapiro et al., 2011, but with the losing remove in the ledger). Claims that are neither
    `+element` nor `-element` are in the ledger as malformed; empty ones say nothing.
    """
    known = distinct(claims)
    elements: dict[str, list[Claim]] = {}
    for claim in known.values():
        elements.setdefault(_element(claim), []).append(claim)
    malformed = tuple(_malformed(claim) for claim in elements.pop("", []) if claim.value)
    states = {e: _register(field, History.of(elements[e]), _add, "add_wins") for e in sorted(elements)}
    return FieldState(
        field.name,
        tuple(element for element, state in states.items() if state.value == "+" + element),
        {element: state.heads[""] for element, state in states.items()},
        ledger=_in_order(sum((state.ledger for state in states.values()), malformed), known),
    )


POLICIES: Mapping[PolicyName, Callable[[Field, Iterable[Claim]], FieldState]] = {
    "latest": latest,
    "add_remove_set": add_remove_set,
    "append_only": append_only,
    "most_restrictive": most_restrictive,
    "owner_only": owner_only,
    "ask_a_person": ask_a_person,
}


UNDISPUTED: frozenset[PolicyName] = frozenset(("latest", "most_restrictive", "ask_a_person"))
"""Policies by which the only claim of a field stands as it is."""


def undisputed(field: Field, claim: Claim) -> FieldState:
    """What these policies make of one claim alone: most fields of most customers, so without looking for rivals."""
    return FieldState(field.name, claim.value, {"": (claim.id,)})


def _register(field: Field, history: History, pick: Pick, reason: Reason) -> FieldState:
    """A field with one value: the picked head's."""
    standing = history.heads()
    value = pick(standing).value if standing else ""
    return FieldState(field.name, value, _heads(history), ledger=_lost(field, history, pick, reason))


def _lost(field: Field, history: History, pick: Pick, reason: Reason) -> tuple[Lost, ...]:
    lost: dict[str, Lost] = {}
    for rivals, settler in history.encounters():
        winner = pick(rivals)
        for claim in rivals:
            if claim.value != winner.value:
                settled_by = settler.id if settler else None
                # Several claims may have settled it, each unseen by the others: the first of them is named.
                lost.setdefault(claim.id, Lost(claim.id, field.name, claim.value, winner.id, reason, settled_by))
    return _in_order(lost.values(), history.claims)


def _in_order(lost: Iterable[Lost], claims: Mapping[str, Claim]) -> tuple[Lost, ...]:
    return tuple(sorted(lost, key=lambda entry: rank(claims[entry.claim])))


def _last(rivals: tuple[Claim, ...]) -> Claim:
    return rivals[-1]


def _first(rivals: tuple[Claim, ...]) -> Claim:
    return rivals[0]


def _strictest(rivals: tuple[Claim, ...]) -> Claim:
    looseness = {"false": 0, "true": 2}
    strictest = min(looseness.get(claim.value, 1) for claim in rivals)
    return [claim for claim in rivals if looseness.get(claim.value, 1) == strictest][-1]


def _add(rivals: tuple[Claim, ...]) -> Claim:
    return ([claim for claim in rivals if claim.value.startswith("+")] or rivals)[-1]


def _element(claim: Claim) -> str:
    return claim.value[1:] if claim.value[:1] in ("+", "-") else ""


def _malformed(claim: Claim) -> Lost:
    return Lost(claim.id, claim.field, claim.value, None, "malformed")


def _ids(claims: Iterable[Claim]) -> tuple[str, ...]:
    return tuple(claim.id for claim in claims)


def _heads(history: History) -> dict[str, tuple[str, ...]]:
    return {"": _ids(history.heads())}
