"""Claims, and which of them saw which.

A field is a multi-value register: a claim names the heads that its author saw and takes their place; claims
that didn't see each other stand side by side until one sees them all (MV-register in Shapiro et al., "A
comprehensive study of convergent and commutative replicated data types", 2011; siblings in Dynamo, 2007).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self

import msgspec

_Edges = Mapping[str, Collection[str]]


class Claim(msgspec.Struct, frozen=True):
    """One edit of one field of a member. `value` is canonical (`fields.parse`); of a set it is `+element` or
    `-element`. `saw` are all heads of the field (of a set: of the element) that the author saw.
    """

    id: str
    field: str
    value: str
    saw: tuple[str, ...]
    occurred: Annotated[datetime, msgspec.Meta(tz=True)]
    source: str
    author: str


def rank(claim: Claim) -> tuple[datetime, str]:
    """The order of claims where one is needed: known to the author, the same for every reader."""
    return claim.occurred, claim.id


def heads(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """The claims of one register (a field, or an element of a set) that no other known claim saw, by rank."""
    return History.of(claims).heads()


@dataclass(frozen=True)
class History:
    """The known claims of one register and who saw whom, the same for any order and repetition of the claims.

    Claims that are named but not known are left out, as long as they are missing. Nobody can have seen a
    claim that saw theirs: where malformed claims say so, no claim on (or between) such circles counts as
    having seen another one there, and they stand side by side.
    """

    claims: Mapping[str, Claim]
    saw: Mapping[str, frozenset[str]]
    position: Mapping[str, int]
    """A number for each claim, higher than those of all claims it saw."""

    @classmethod
    def of(cls, claims: Iterable[Claim]) -> Self:
        known = distinct(claims)
        saw = _untangled({id: frozenset(known.keys() & claim.saw) for id, claim in known.items()})
        return cls(known, saw, {id: n for n, id in enumerate(_ordered(saw))})

    def heads(self) -> tuple[Claim, ...]:
        """The claims that no other one saw, by rank."""
        return self._by_rank(self.claims.keys() - {id for seen in self.saw.values() for id in seen})

    def encounters(self) -> Iterator[tuple[tuple[Claim, ...], Claim | None]]:
        """Every time that claims stood side by side: (those claims, the claim that saw them all), by rank of
        that claim; at last the present heads with None.
        """
        for claim in sorted(self.claims.values(), key=rank):
            if len(self.saw[claim.id]) > 1:
                yield self._by_rank(self._unseen(self.saw[claim.id])), claim
        if self.claims:
            yield self.heads(), None

    def only(self, wanted: Collection[str]) -> Self:
        """The same history told by the wanted claims alone: what was seen through others counts as seen."""
        near = _nearest(self.position, self.saw, wanted)
        return type(self)(
            {id: self.claims[id] for id in wanted},
            {id: near[id] for id in wanted},
            {id: self.position[id] for id in wanted},
        )

    def seen_first_by(self, wanted: Collection[str]) -> Mapping[str, Claim | None]:
        """For every claim, the first by rank of the wanted claims that saw it, directly or through others
        that aren't wanted.
        """
        newest_first = sorted(self.position, key=self.position.__getitem__, reverse=True)
        seers = _nearest(newest_first, _reversed(self.saw), wanted)
        return {id: next(iter(self._by_rank(seers[id])), None) for id in self.claims}

    def _by_rank(self, ids: Iterable[str]) -> tuple[Claim, ...]:
        return tuple(sorted((self.claims[id] for id in ids), key=rank))

    def _unseen(self, ids: Collection[str]) -> set[str]:
        """Those of the claims that none of the others saw, directly or through further claims."""
        floor = min(self.position[id] for id in ids)
        seen: set[str] = set()
        waiting = [parent for id in ids for parent in self.saw[id]]
        while waiting:
            id = waiting.pop()
            if id not in seen and self.position[id] >= floor:
                seen.add(id)
                waiting.extend(self.saw[id])
        return set(ids) - seen


def distinct(claims: Iterable[Claim]) -> dict[str, Claim]:
    """The claims by id. Of different claims with one id the emptier stands: what is erased stays erased."""
    known: dict[str, Claim] = {}
    for claim in claims:
        other = known.setdefault(claim.id, claim)
        if other != claim:
            known[claim.id] = min(other, claim, key=_content)
    return known


def _content(claim: Claim) -> tuple[str, datetime, str, str, tuple[str, ...]]:
    return claim.value, claim.occurred, claim.source, claim.author, claim.saw


def _untangled(saw: Mapping[str, frozenset[str]]) -> Mapping[str, frozenset[str]]:
    tangled = saw.keys() - set(_ordered(saw))
    if tangled:
        tangled -= set(_ordered(_reversed(saw)))
    return {id: seen - tangled if id in tangled else seen for id, seen in saw.items()}


def _ordered(edges: _Edges) -> list[str]:
    """The nodes, each after those that its edges lead to (Kahn, 1962); left out: what leads into a circle."""
    missing = {node: len(targets) for node, targets in edges.items()}
    sources = _reversed(edges)
    order = [node for node, count in missing.items() if count == 0]
    for node in order:
        for source in sources[node]:
            missing[source] -= 1
            if missing[source] == 0:
                order.append(source)
    return order


def _reversed(edges: _Edges) -> Mapping[str, list[str]]:
    back: dict[str, list[str]] = {node: [] for node in edges}
    for node, targets in edges.items():
        for target in targets:
            back[target].append(node)
    return back


def _nearest(order: Iterable[str], edges: _Edges, wanted: Collection[str]) -> Mapping[str, frozenset[str]]:
    """For each node the wanted nodes that can be reached without passing another wanted one."""
    near: dict[str, frozenset[str]] = {}
    for node in order:
        near[node] = frozenset().union(*({t} if t in wanted else near[t] for t in edges[node]))
    return near
