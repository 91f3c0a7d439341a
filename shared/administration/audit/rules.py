"""What an entry of the audit log says, taken apart so that a person can read it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.texts import Text, restored

SHOWN = "shown"
MASKED = "masked"
GONE = "gone"


@dataclass(frozen=True)
class Said:
    """A value of a customer's field: in the clear, masked, or gone with an erased person."""

    state: str
    value: str = ""


@dataclass(frozen=True)
class Change:
    """One field of a customer that was changed: from what to what."""

    field: str
    former: list[Said]
    now: Said


@dataclass(frozen=True)
class Done:
    """One thing that was changed."""

    subject: str
    what: str
    """The type of the event; empty where no event tells of it."""
    changes: list[Change] = field(default_factory=list)
    former: Mapping[str, Any] = field(default_factory=dict)
    """What isn't personal, as it was before."""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """An entry as it is shown."""

    n: int
    at: datetime
    actor: str
    action: str
    outcome: str
    subjects: list[str]
    why: str
    origin: str
    reason: Text
    """Of a refusal."""
    done: list[Done]
    more: int
    """So many things were changed besides."""


MOST_DONE = 20
Key = tuple[str, str]
"""Member and claim."""


def claims_in(detail: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The claims that an entry names, as far as they are shown: (member, field, claim)."""
    for event in detail.get("events", ())[:MOST_DONE]:
        member = str(event["subject"]).removeprefix("customer/")
        for one in event.get("fields", ()):
            for claim in (*one.get("saw", ()), one["claim"]):
                yield member, one["field"], claim


def done(detail: Mapping[str, Any], said: Mapping[Key, Said]) -> list[Done]:
    """What an entry says was changed, with the values of claims as the reader may see them."""
    found = [_event(event, said) for event in detail.get("events", ())[:MOST_DONE]]
    for change in detail.get("changes", ())[: MOST_DONE - len(found)]:
        rest = {name: value for name, value in change.items() if name not in ("subject", "former")}
        found.append(Done(change["subject"], "", former=_mapping(change.get("former")), detail=rest))
    return found


def reason(detail: Mapping[str, Any]) -> Text:
    """Why something was refused; entries of former releases have it in English only."""
    return restored(detail) if "text" in detail else Text(str(detail.get("why", "")))


def more(detail: Mapping[str, Any]) -> int:
    """How many changes aren't shown."""
    return max(0, len(detail.get("events", ())) + len(detail.get("changes", ())) - MOST_DONE)


def _event(event: Mapping[str, Any], said: Mapping[Key, Said]) -> Done:
    member = str(event["subject"]).removeprefix("customer/")
    gone = Said(GONE)
    changes = [
        Change(
            one["field"],
            [said.get((member, claim), gone) for claim in one.get("saw", ())],
            said.get((member, one["claim"]), gone),
        )
        for one in event.get("fields", ())
    ]
    return Done(event["subject"], event["type"], changes, _mapping(event.get("former")), {"event": event["id"]})


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {} if value is None else {"former": value}


def words(mapping: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """Names and values for people."""
    return [(name, value if isinstance(value, str) else str(value)) for name, value in mapping.items()]
