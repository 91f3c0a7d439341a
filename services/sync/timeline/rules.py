"""How an event is shown: its place in the list, what it is about, its data as people may read them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from shared.access.actions import TEXT
from shared.access.grants import Fields
from shared.events.facts import EACH, Erased, FactType, change_personal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LATEST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_EARLIEST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LARGEST_SEQUENCE = 2**31 - 1
_PAGES = {"other": "customers", "cluster": "customers", "territory": "territories", "note": None}
"""The folder of the pages of a kind of thing, where it isn't the kind with an s; none where it has no pages."""


class Place(NamedTuple):
    """Where an event stands in a customer's timeline. The newest first is the order of these, backwards."""

    occurred: datetime
    source: str
    sequence: int
    member: str = ""
    """Of the customer's members the one to which it happened; empty: before all of them."""


def cursor(place: Place) -> str:
    """A place as text for a URL; of the customer it says no more than the URLs of its members."""
    of = f"/{place.member}" if place.member else ""
    return f"{(place.occurred - _EPOCH) // _MICROSECOND}.{place.sequence}.{place.source}{of}"


def place_of(cursor: str) -> Place:
    """The place that a cursor names. Raises ``ValueError`` for a text that ``cursor`` didn't give."""
    micros, _, rest = cursor.partition(".")
    sequence, _, rest = rest.partition(".")
    source, _, member = rest.partition("/")
    if not source or not rest.isprintable() or not sequence.isascii() or not sequence.isdigit():
        raise ValueError("not a cursor")
    if not micros.removeprefix("-").isdigit() or not micros.isascii() or len(micros) > 20 or len(sequence) > 10:
        raise ValueError("not a cursor")
    if not _EARLIEST <= int(micros) <= _LATEST or not 0 < int(sequence) <= _LARGEST_SEQUENCE:
        raise ValueError("a cursor out of range")
    return Place(_EPOCH + int(micros) * _MICROSECOND, source, int(sequence), member)


@dataclass(frozen=True)
class Wanted:
    """Which entries are wanted; what is empty isn't asked for."""

    group: str = ""
    """Only types that begin so: ``contact``."""
    source: str = ""
    channel: str = ""
    """Only of events that name this channel."""
    since: datetime | None = None
    until: datetime | None = None
    """Up to, and without, this instant."""


class About(msgspec.Struct, frozen=True):
    """The thing that an event tells of, and its page at the service that knows it."""

    kind: str
    id: str
    url: str | None


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a timeline."""

    id: str
    type: str
    title: str
    occurred: datetime
    recorded: datetime
    source: str
    author: str
    about: About
    data: dict[str, Any] | None
    """None for a type that isn't known here; erased text is None, and what is masked is left out."""
    erased: bool = False
    """Text of it is gone for good."""
    problem: str | None = None
    """Why text of it can't be read just now, though it isn't erased."""
    masked: list[str] = []
    """What of the data isn't shown to this reader: ``note``, ``claims.0.value``."""
    member: str | None = None
    """To which of the customer's other members it happened; none if to the one that was asked for."""


class Page(msgspec.Struct, frozen=True):
    """Some entries of the timeline of a member and the others that are the same customer (those within the reader's
    reach), the newest first."""

    member: str
    erased: bool
    entries: list[Entry]
    next: str | None
    """The cursor to go on with; none at the end."""


def about(
    fact_type: FactType | None, data: Mapping[str, Any], *, member: str, source: str, urls: Mapping[str, str]
) -> About:
    """What an event is about: the thing its type names, else the customer."""
    kind, id = "customer", member
    if fact_type is not None and fact_type.about is not None:
        named = data.get(fact_type.about)
        if isinstance(named, str) and named:
            kind, id = fact_type.about, named
    return About(kind, id, address(kind, id, urls.get(source)))


def address(kind: str, id: str, base: str | None) -> str | None:
    """The page of a thing at the service that has this address; none where nobody knows it, or it has no page."""
    folder = _PAGES.get(kind, f"{kind}s")
    return f"{base.rstrip('/')}/{folder}/{quote(id, safe='')}" if base and folder else None


def blank_erased(data: dict[str, Any], fact_type: FactType) -> bool:
    """Put None where personal text is erased; gives whether there was any."""
    found = False

    def change(text: str) -> Any:
        nonlocal found
        if not isinstance(text, Erased):
            return text
        found = True
        return None

    change_personal(data, fact_type.personal, change)
    return found


NAMING = ("customer.assigned", "customer.joined", "customer.parted")
"""Types that happen to a customer because of another one, which they name."""
_OF_OTHERS = ("other", "cluster")
_ADDRESSES: Mapping[str, tuple[str, ...]] = {"phone": ("phone",), "email": ("email",)}
"""Channel -> the fields that tell as much as the address of a contact by it."""


def mask(data: dict[str, Any], fact_type: FactType, seen: Fields) -> list[str]:
    """Take out of the data what the fields that are ``seen`` don't show; gives the paths of what is gone.

    The value of a claim is its field's; the address of a contact is the phone number or e-mail address; any other
    personal text is ``text``.
    """
    gone: list[str] = []
    for plan in fact_type.personal:
        spots = [
            (path, parent, key)
            for path, parent, key in _spots(data, plan, ())
            if not all(name in seen for name in _fields_of(path, parent, data))
        ]
        # Backwards: of a list the later ones keep their places meanwhile.
        for _, parent, key in reversed(spots):
            del parent[key]
        gone += [".".join(path) for path, _, _ in spots]
    return gone


def mask_others(data: dict[str, Any], near: Collection[str]) -> list[str]:
    """Take out of the data which other members they name, unless these are within reach; gives what is gone."""
    gone = [name for name in _OF_OTHERS if name in data and data[name] not in near]
    for name in gone:
        del data[name]
    return gone


def _spots(node: Any, plan: Sequence[str], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """(path, what holds the text, by which key) of each text where the plan says."""
    step, rest = plan[0], plan[1:]
    if step == EACH:
        keys = range(len(node)) if isinstance(node, list) else list(node)
    else:
        keys = [step] if step in node else []
    for key in keys:
        here = (*path, str(key))
        if rest:
            yield from _spots(node[key], rest, here)
        else:
            yield here, node, key


def _fields_of(path: Sequence[str], parent: Any, data: Mapping[str, Any]) -> tuple[str, ...]:
    if path[-1] == "value" and isinstance(parent, dict) and "field" in parent:
        return (str(parent["field"]),)
    if path == ("address",):
        return _ADDRESSES.get(str(data.get("channel")), ("phone", "email"))
    return (TEXT,)
