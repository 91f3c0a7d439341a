"""Does the audit log hold what was chained and anchored? Recomputes all hashes and compares them with the anchors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy.orm import Session

from shared.edge.statements import run
from shared.pipeline import anchors
from shared.pipeline.chain import BEGIN, COLUMNS, LOST, Entry, hash_of
from shared.pipeline.service import Service

PART = 5_000
WAITING = timedelta(minutes=10)
"""After this long an entry should be linked."""


@dataclass
class Verdict:
    """What was found."""

    entries: int = 0
    """In the chain."""
    anchors: int = 0
    head: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is as it should be, and worth a word."""


class _Link(NamedTuple):
    pos: int
    n: int
    hash: bytes
    entry: Entry | None


@dataclass(frozen=True)
class _Anchored:
    hashes: Mapping[int, str]
    times: Mapping[int, datetime]


def verify(service: Service) -> Verdict:
    """Look at the whole of it. Needs Kafka, whose errors it lets through."""
    verdict = Verdict()
    known = _anchored(service, verdict)
    with Session(service.engine) as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        _chain(session, known, verdict)
        _unlinked(session, service.clock() - WAITING, verdict)
    return verdict


def _anchored(service: Service, verdict: Verdict) -> _Anchored:
    hashes: dict[int, str] = {}
    times: dict[int, datetime] = {}
    for anchor in anchors.every(service):
        verdict.anchors += 1
        if hashes.setdefault(anchor.pos, anchor.hash) != anchor.hash:
            verdict.problems.append(f"position {anchor.pos}: anchored twice with different hashes")
        times.setdefault(anchor.pos, anchor.at)
    return _Anchored(hashes, times)


def _chain(session: Session, known: _Anchored, verdict: Verdict) -> None:
    left = dict(known.hashes)
    before: bytes | None = BEGIN
    contradicted = False
    for link in _links(session):
        if link.pos != verdict.head + 1:
            before = _gap(verdict, link, known, left)
        if link.entry is None:
            verdict.problems.append(f"position {link.pos}: entry {link.n} is missing")
        elif before is not None and hash_of(before, link.pos, link.entry) != link.hash:
            verdict.problems.append(f"position {link.pos}: entry {link.n} or its link was changed")
        anchored = left.pop(link.pos, None)
        if anchored is not None and anchored != link.hash.hex() and not contradicted:
            contradicted = True
            verdict.problems.append(
                f"position {link.pos}: another hash was anchored on {known.times[link.pos].isoformat()}; something was "
                "changed here or before, behind the last anchor that agrees"
            )
        before = link.hash
        verdict.head = link.pos
        verdict.entries += 1
    if left and (last := max(left)) > verdict.head:
        when = known.times[last].isoformat()
        verdict.problems.append(f"positions {verdict.head + 1} to {last} are missing; the last was anchored on {when}")


def _gap(verdict: Verdict, link: _Link, known: _Anchored, left: dict[int, str]) -> bytes | None:
    """What was the hash before ``link``, if it can be known; notes what is missing."""
    first, last = verdict.head + 1, link.pos - 1
    for pos in [pos for pos in left if first <= pos <= last]:
        del left[pos]
    lost = _lost(link.entry)
    if lost and (lost.get("first"), lost.get("last")) == (first, last) and known.hashes.get(last) == lost.get("hash"):
        verdict.notes.append(f"positions {first} to {last} were lost with a restored backup, as entry {link.n} says")
        return bytes.fromhex(known.hashes[last])
    verdict.problems.append(f"positions {first} to {last} are missing")
    return None


def _lost(entry: Entry | None) -> Mapping[str, Any]:
    changes = msgspec.json.decode(entry.detail).get("changes", ()) if entry else ()
    return next((change for change in changes if change.get("subject") == LOST), {})


def _links(session: Session) -> Iterator[_Link]:
    after = 0
    while True:
        rows = run(session, _LINKS, {"after": after, "most": PART})
        for pos, n, digest, *entry in rows:
            yield _Link(pos, n, bytes(digest), None if entry[0] is None else Entry._make(entry))
        if len(rows) < PART:
            return
        after = rows[-1][0]


_LINKS = f"""
SELECT l.pos, l.n, l.hash, {COLUMNS} FROM audit_link l LEFT JOIN audit_entry e USING (n)
WHERE l.pos > %(after)s ORDER BY l.pos LIMIT %(most)s
"""  # noqa: S608


def _unlinked(session: Session, before: datetime, verdict: Verdict) -> None:
    ((waiting, late, first, last),) = run(session, _UNLINKED, {"before": before})
    if late:
        verdict.problems.append(f"{late} entries aren't linked, {first} to {last}: does a worker run?")
    if waiting - late:
        verdict.notes.append(f"{waiting - late} new entries wait to be linked")


_UNLINKED = """
SELECT count(*), count(*) FILTER (WHERE at < %(before)s), min(e.n) FILTER (WHERE at < %(before)s),
       max(e.n) FILTER (WHERE at < %(before)s)
FROM audit_entry e LEFT JOIN audit_link l USING (n) WHERE l.n IS NULL
"""
