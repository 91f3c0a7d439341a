"""Whether the topics of keys still hold wrapped keys of erased members: read from their beginnings, now and then.

A topic is compacted some time after a key was marked as erased: until then it could still be read by whoever has the
key encryption key and the log. A service that left can't mark its keys any more, so its topic holds them until somebody
deletes it.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta

import structlog
from confluent_kafka import KafkaException
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shared.administration.erasures.rules import ERASED
from shared.administration.erasures.tables import erasure, erasure_log
from shared.edge import health
from shared.pipeline import heads
from shared.pipeline.keys import parse_record
from shared.pipeline.reading import LogTooShort, ReadTimedOut, stretch
from shared.pipeline.service import Service
from shared.pipeline.topics import KEYS

log = structlog.get_logger(__name__)

LOOK_SECONDS = 5.0
AGAIN = timedelta(minutes=10)
"""After so long a topic is read again that still held something."""


def parts(service: Service, stop: threading.Event) -> dict[str, Callable[[], None]]:
    """What looks through the topics of keys, in the worker."""

    def run() -> None:
        while not stop.wait(LOOK_SECONDS):
            health.alive()
            try:
                look(service)
            except (KafkaException, ReadTimedOut, LogTooShort, SQLAlchemyError) as error:
                log.warning("erasures.log_unread", error=type(error).__name__)

    return {"erasures": run}


def look(service: Service) -> int:
    """Read the topics of which it isn't known that they hold nothing more of erased members; gives how many."""
    with Session(service.engine) as session:
        wanted = _wanted(session, service)
    for source, members in wanted.items():
        found = held(service.kafka, source, {m for of in members.values() for m in of})
        rows = [
            {"erasure": id, "source": source, "wrapped": sum(found[m] for m in of), "at": service.clock()}
            for id, of in sorted(members.items())
        ]
        new = upsert(erasure_log)
        values = {name: new.excluded[name] for name in ("wrapped", "at")}
        with service.engine.begin() as connection:
            connection.execute(new.on_conflict_do_update(index_elements=["erasure", "source"], set_=values), rows)
    return len(wanted)


def _wanted(session: Session, service: Service) -> Mapping[str, Mapping[str, Collection[str]]]:
    """Source -> erasure -> its members."""
    sources = {service.name, *heads.last_signs(session)}
    known = {(row.erasure, row.source): row for row in session.execute(select(erasure_log))}
    wanted: dict[str, dict[str, Collection[str]]] = defaultdict(dict)
    for row in session.execute(select(erasure.c.id, erasure.c.members).where(erasure.c.state == ERASED)):
        for source in sources:
            seen = known.get((row.id, source))
            if seen is None or (seen.wrapped and seen.at <= service.clock() - AGAIN):
                wanted[source][row.id] = row.members
    return wanted


def held(kafka: Mapping[str, str], source: str, members: Collection[str]) -> Counter[str]:
    """How many records with a wrapped key of each member stand anywhere in a service's topic of keys."""
    found: Counter[str] = Counter()
    for batch in stretch(kafka, source + KEYS, {}):
        for message in batch:
            key, value = message.key() or b"", message.value()
            member = (key if isinstance(key, bytes) else key.encode()).partition(b"/")[0].decode("ascii", "replace")
            body = value.encode() if isinstance(value, str) else value
            if member in members and parse_record(body).wrapped:
                found[member] += 1
    return found
