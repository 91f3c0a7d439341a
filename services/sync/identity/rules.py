"""Which members are the same customer: a function of the claims that were ever made and of people's decisions, the
same for any order of either. Pure.

Claims come with their values in the form in which they are compared: numbers in E.164, small letters in addresses
and names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations
from typing import NamedTuple

from shared.customer.claims import Claim
from shared.customer.fields import BUILT_IN
from shared.customer.fold import fold_field

IDENTIFIERS = ("phone", "email")
"""Fields by which members are matched; where both match, the first is the reason that is told."""
NAMES = ("given_name", "family_name", "company")
FIELDS = frozenset((*IDENTIFIERS, *NAMES))
MOST_SHARED = 5
"""A number or address that more members than this ever had is a switchboard's or a family's and matches nobody."""

REASONS = ("mistake", "shared", "different", "household", "told")
"""Why a person decides as he does, as codes."""

Value = tuple[str, str]
"""A field and its value: a number or an address."""
Claims = Mapping[str, Collection[Claim]]
"""Member -> its claims of ``FIELDS``."""


class Span(NamedTuple):
    """From when to when a member had a number or address; without an end, it still has it."""

    begin: datetime
    end: datetime | None


class Pair(NamedTuple):
    """Two members that may be the same customer, the lesser first, and what speaks for it."""

    a: str
    b: str
    because: str
    """``phone`` or ``email``."""


class Decision(NamedTuple):
    """What a person decided of two members, the lesser first. Of a pair the newest by (occurred, id) holds."""

    a: str
    b: str
    joined: bool
    occurred: datetime
    id: str


@dataclass(frozen=True)
class Same:
    """Which members are the same customer."""

    clusters: dict[str, str]
    """Member -> the least member of its cluster, of all members that were asked about."""
    because: dict[str, str]
    """Of each member that isn't alone: ``phone``, ``email`` or ``person``."""
    doubtful: frozenset[Pair]
    """Pairs with a number or address in common that aren't one customer, as their names differ."""


def standing(decisions: Iterable[Decision]) -> dict[tuple[str, str], Decision]:
    """The newest decision of each pair."""
    newest: dict[tuple[str, str], Decision] = {}
    for one in decisions:
        at = newest.setdefault((one.a, one.b), one)
        if (one.occurred, one.id) > (at.occurred, at.id):
            newest[one.a, one.b] = one
    return newest


def full_name(claims: Collection[Claim]) -> str:
    """The name that tells one customer from another; empty unless given and family name, or a company, are known.

    A given name alone tells nobody apart.
    """
    given, family, company = (str(fold_field(BUILT_IN[name], claims).value) for name in NAMES)
    return f"{given} {family}" if given and family else "" if given or family else company


def spans(claims: Iterable[Claim]) -> dict[Value, list[Span]]:
    """When each number and address was had: from a claim to the first claim that saw it."""
    known = [claim for claim in claims if claim.field in IDENTIFIERS]
    ends: dict[tuple[str, str], datetime] = {}
    for claim in known:
        for seen in claim.saw:
            place = claim.field, seen
            ends[place] = min(ends.get(place, claim.occurred), claim.occurred)
    found: dict[Value, list[Span]] = {}
    for claim in known:
        if claim.value:
            span = Span(claim.occurred, ends.get((claim.field, claim.id)))
            found.setdefault((claim.field, claim.value), []).append(span)
    return found


def crowded(claims: Claims) -> set[Value]:
    """The numbers and addresses of too many members, where the claims are those of all members."""
    return {value for value, of in _holders(claims).items() if len(of) > MOST_SHARED}


def matches(claims: Claims, without: Collection[Value]) -> set[Pair]:
    """The members that had the same number or address at the same time. ``without``: those of too many members."""
    return {
        Pair(a, b, value[0])
        for value, of in _holders(claims).items()
        if value not in without
        for a, b in combinations(sorted(of), 2)
        if any(_overlap(one, two) for one in of[a] for two in of[b])
    }


def same(
    members: Iterable[str], claims: Claims, decisions: Iterable[Decision], without: Collection[Value] = ()
) -> Same:
    """The clusters of members. Of erased members there are neither claims nor decisions.

    People's joins come first, the newest of them before the others, then matches in the order of the members. What
    would put two members that a person parted into one cluster is passed over, and so is a match that would put
    different names together, unless a person did so already.
    """
    newest = standing(decisions)
    parted = [pair for pair, one in newest.items() if not one.joined]
    joins = [one for one in newest.values() if one.joined]
    names = {member: full_name(of) for member, of in claims.items()}
    groups = _Groups.of(members, names, parted)
    because: dict[str, str] = {}
    for one in sorted(joins, key=lambda one: (one.occurred, one.id, one.a, one.b), reverse=True):
        if groups.may_join(one.a, one.b):
            groups.join(one.a, one.b)
            because |= dict.fromkeys((one.a, one.b), "person")
    pairs = sorted(matches(claims, without), key=lambda p: (p.a, p.b, IDENTIFIERS.index(p.because)))
    for pair in pairs:
        if groups.may_join(pair.a, pair.b) and groups.names_agree(pair.a, pair.b):
            groups.join(pair.a, pair.b)
            because = {pair.a: pair.because, pair.b: pair.because} | because
    doubtful = frozenset(p for p in pairs if groups.may_join(p.a, p.b) and not groups.names_agree(p.a, p.b))
    return Same(groups.clusters(), {m: why for m, why in because.items() if not groups.alone(m)}, doubtful)


def components(members: Iterable[str], ties: Iterable[Sequence[str]]) -> dict[str, str]:
    """Member -> the least of the members that it is tied to, near or far, whatever speaks against it."""
    groups = _Groups.of(members, {}, ())
    for first, *others in ties:
        for other in others:
            groups.join(first, other)
    return groups.clusters()


@dataclass
class _Groups:
    """Members in groups that only grow, with what keeps groups apart."""

    of_member: dict[str, set[str]]
    names: dict[str, frozenset[str]]
    """Of each member the names of its group."""
    parted: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, members: Iterable[str], names: Mapping[str, str], parted: Iterable[tuple[str, str]]) -> _Groups:
        groups = cls({m: {m} for m in members}, {})
        groups.names = {m: frozenset(filter(None, [names.get(m, "")])) for m in groups.of_member}
        for a, b in parted:
            groups.parted.setdefault(a, set()).add(b)
            groups.parted.setdefault(b, set()).add(a)
        return groups

    def may_join(self, a: str, b: str) -> bool:
        """Whether nobody parted a member of the one from one of the other; of one group there's nothing to ask."""
        one, other = self.of_member[a], self.of_member[b]
        return one is other or all(self.parted.get(member, set()).isdisjoint(other) for member in one)

    def names_agree(self, a: str, b: str) -> bool:
        """Whether one of the two groups has no name that the other hasn't."""
        one, other = self.names[a], self.names[b]
        return one <= other or other <= one

    def join(self, a: str, b: str) -> None:
        one, other = self.of_member[a], self.of_member[b]
        if one is other:
            return
        names = self.names[a] | self.names[b]
        larger, smaller = (one, other) if len(one) >= len(other) else (other, one)
        larger |= smaller
        for member in smaller:
            self.of_member[member] = larger
        for member in larger if names else ():
            self.names[member] = names

    def alone(self, member: str) -> bool:
        return len(self.of_member[member]) == 1

    def clusters(self) -> dict[str, str]:
        least: dict[int, str] = {}
        for member in sorted(self.of_member):
            least.setdefault(id(self.of_member[member]), member)
        return {member: least[id(group)] for member, group in self.of_member.items()}


def _holders(claims: Claims) -> dict[Value, dict[str, list[Span]]]:
    """Number or address -> who had it when."""
    found: dict[Value, dict[str, list[Span]]] = {}
    for member, of in claims.items():
        for value, had in spans(of).items():
            found.setdefault(value, {})[member] = had
    return found


def _overlap(one: Span, two: Span) -> bool:
    begin = max(one.begin, two.begin)
    return all(span.end is None or begin < span.end for span in (one, two))
