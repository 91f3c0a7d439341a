"""The chain through the audit log: each entry gets a position and a hash that goes on from the one before.

Whoever changes or removes an entry afterwards has to make all later hashes anew, and those of the anchors in the log
of events (``heads.reported``) can't be made anew. A worker links what is new once a second.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import structlog
from confluent_kafka import KafkaException
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shared.edge import faults, health
from shared.edge.metrics import AUDIT_STOPPED
from shared.edge.statements import run
from shared.pipeline import anchors
from shared.pipeline.anchors import Anchor
from shared.pipeline.reading import LogTooShort, ReadTimedOut
from shared.pipeline.service import Service

BEGIN = b""
"""What stands for the hash before the first entry."""
SECONDS = 1.0
WINDOW = 5_000
"""Entries before the newest linked one among which a look finds those that committed late."""
FULL_ROUNDS = 3_600
"""Rounds between two looks at all entries."""
MOST = 5_000
"""Entries linked by one transaction."""
REFUSED_SECONDS = 5.0
LOST = "audit/chain"
"""The subject of a change that says which positions were lost with a restored backup."""

log = structlog.get_logger(__name__)


class Behind(Exception):
    """The chain here ends before, or differs from, what was anchored: nothing may be linked until ``recover``."""


class Entry(NamedTuple):
    """An entry as it is hashed; ``detail`` is JSON as PostgreSQL writes it."""

    n: int
    at: int
    """Microseconds since 1970."""
    actor: str
    action: str
    outcome: str
    subjects: list[str]
    why: str
    origin: str
    detail: str


COLUMNS = """e.n, (extract(epoch FROM e.at) * 1000000)::bigint, e.actor, e.action, e.outcome, e.subjects, e.why,
       e.origin, e.detail::text"""


@dataclass(frozen=True)
class Head:
    """Where the chain ends; position 0 before the first entry."""

    pos: int = 0
    hash: bytes = BEGIN


def hash_of(before: bytes, pos: int, entry: Entry) -> bytes:
    """The hash of an entry at a position of the chain."""
    # What PostgreSQL makes of the same JSON may differ in a later release, so it is written anew.
    detail = msgspec.json.decode(entry.detail)
    canonical = msgspec.json.encode([pos, *entry[:-1], detail], order="sorted")
    return hashlib.sha256(before + canonical).digest()


def head(session: Session) -> Head:
    """Where the chain ends."""
    rows = run(session, "SELECT pos, hash FROM audit_link ORDER BY pos DESC LIMIT 1", {})
    return Head(rows[0][0], bytes(rows[0][1])) if rows else Head()


def refuse_if_behind(session: Session, anchored: Anchor | None) -> None:
    """Raises ``Behind`` unless the chain here holds what was anchored last."""
    if anchored is None or stands_at(session, anchored) or _went_on(session, anchored):
        return
    end = head(session)
    raise Behind(
        f"the audit log's chain ends at {end.pos} here, and {anchored.pos} was anchored with another hash or isn't "
        "there: the database was restored, or links were removed. Run the command 'audit' to look, 'recover --apply' "
        "to go on"
    )


def stands_at(session: Session, anchored: Anchor) -> bool:
    """Whether the link at the anchor's position has its hash."""
    rows = run(session, "SELECT hash FROM audit_link WHERE pos = %(pos)s", {"pos": anchored.pos})
    return bool(rows) and bytes(rows[0][0]).hex() == anchored.hash


def _went_on(session: Session, anchored: Anchor) -> bool:
    """Whether the entry behind the anchor goes on from it, as after a restore."""
    pos = anchored.pos + 1
    rows = run(session, _AT, {"pos": pos})
    return bool(rows) and bytes(rows[0][0]) == hash_of(bytes.fromhex(anchored.hash), pos, Entry._make(rows[0][1:]))


def link(session: Session, *, everything: bool = False) -> int:
    """Link entries that aren't yet, in this transaction; gives how many. ``everything``: also those that committed
    very late. Does nothing while another worker is at it."""
    locked = run(session, "SELECT pg_try_advisory_xact_lock(hashtextextended('audit_link', 0))", {})
    if not locked[0][0]:
        return 0
    end = head(session)
    last = 0
    if not everything and end.pos:
        last = run(session, "SELECT coalesce(max(n), 0) FROM audit_link", {})[0][0] - WINDOW
    rows = run(session, _UNLINKED, {"after": last, "most": MOST})
    append(session, end, map(Entry._make, rows))
    return len(rows)


def append(session: Session, end: Head, entries: Iterable[Entry]) -> Head:
    """Link these entries behind ``end``; gives the new end."""
    columns: dict[str, list[Any]] = {"pos": [], "n": [], "hash": []}
    for entry in entries:
        end = Head(end.pos + 1, hash_of(end.hash, end.pos + 1, entry))
        columns["pos"].append(end.pos)
        columns["n"].append(entry.n)
        columns["hash"].append(end.hash)
    if columns["n"]:
        run(session, _LINK, columns)
    return end


_AT = f"SELECT l.hash, {COLUMNS} FROM audit_link l JOIN audit_entry e USING (n) WHERE l.pos = %(pos)s"  # noqa: S608
# No cursor: an id that is lower may be committed later.
_UNLINKED = f"""
SELECT {COLUMNS} FROM audit_entry e LEFT JOIN audit_link l USING (n)
WHERE l.n IS NULL AND e.n > %(after)s ORDER BY e.n LIMIT %(most)s
"""  # noqa: S608
_LINK = """
INSERT INTO audit_link (pos, n, hash)
SELECT * FROM unnest(%(pos)s::bigint[], %(n)s::bigint[], %(hash)s::bytea[])
"""


def go_on(session: Session, anchored: Anchor, note: Mapping[str, Any]) -> Head:
    """After a restore: put an entry (parameters of ``audit.INSERT``) right behind what was anchored last, or behind
    the chain where it reaches further."""
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('audit_link', 0))"))
    rows = run(session, _NOTE, note)
    end = head(session)
    before = end if end.pos >= anchored.pos else Head(anchored.pos, bytes.fromhex(anchored.hash))
    return append(session, before, map(Entry._make, rows))


_NOTE = f"""
WITH e AS (
  INSERT INTO audit_entry (at, actor, action, outcome, subjects, why, origin, detail)
  SELECT %(at)s, %(actor)s, %(action)s, %(outcome)s, CAST(%(subjects)s AS text[]), %(why)s, %(origin)s,
         CAST(%(detail)s AS jsonb) RETURNING *
)
SELECT {COLUMNS} FROM e
"""  # noqa: S608


class Chainer:
    """The worker's part that links, until ``stop`` is set."""

    def __init__(self, service: Service, stop: threading.Event) -> None:
        self._service, self._stop = service, stop
        self._checked = False
        self._rounds = 0
        self._reached = 0

    def run(self) -> None:
        while not self._stop.is_set():
            health.alive()
            wait = SECONDS
            try:
                wait = 0.0 if self.round() == MOST else SECONDS
            except Behind as error:
                log.error("audit.stopped", why=str(error))
                AUDIT_STOPPED.set(1)
                wait = REFUSED_SECONDS
            except (SQLAlchemyError, KafkaException, ReadTimedOut, LogTooShort, faults.FaultRaised) as error:
                log.warning("audit.interrupted", error=type(error).__name__)
                # Maybe it is another database now.
                self._checked = False
            self._stop.wait(wait)

    def round(self) -> int:
        """Link what is there; gives how many. Raises ``Behind``."""
        if not self._checked:
            self._check(anchors.last(self._service))
        with Session(self._service.engine) as session:
            end = head(session)
            if end.pos < self._reached:
                self._checked = False
                raise Behind(f"the audit log's chain ends at {end.pos}, and was at {self._reached} already")
            self._reached = end.pos
            count = link(session, everything=self._rounds % FULL_ROUNDS == 0)
            if count:
                faults.at("audit.commit", session.commit)
        # A full look goes on until it has found all.
        self._rounds += count < MOST
        return count

    def _check(self, anchored: Anchor | None) -> None:
        with Session(self._service.engine) as session:
            refuse_if_behind(session, anchored)
        self._checked, self._rounds, self._reached = True, 0, 0
        AUDIT_STOPPED.set(0)
