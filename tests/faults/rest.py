"""Waits until nothing is on its way between services any more."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any, LiteralString

import psycopg

from tests.faults.servers import Servers

Rows = list[tuple[Any, ...]]


def drain(servers: Servers, hearers: Mapping[str, Collection[str]], seconds: float) -> None:
    """Wait until nothing is on its way any more; what doesn't come to rest is stuck, and fails.

    ``hearers``: all services, and which services each of them hears.
    """
    end = time.monotonic() + seconds
    while left := on_the_way(servers, hearers):
        assert time.monotonic() < end, f"stuck after {seconds:.0f} s: {left}"
        time.sleep(0.1)


def on_the_way(servers: Servers, hearers: Mapping[str, Collection[str]]) -> str:
    """What is still to be done, in words; empty when nothing is."""
    try:
        before = {service: heads(servers, service) for service in hearers}
        for service, sources in hearers.items():
            if left := _left(servers, service, {source: before[source] for source in sources}):
                return left
        # What somebody worked out after he was looked at and before the others were has moved a head.
        moved = [service for service in hearers if heads(servers, service) != before[service]]
        return f"{moved} went on meanwhile" if moved else ""
    except psycopg.OperationalError as error:
        return f"PostgreSQL doesn't answer: {error}"


def heads(servers: Servers, service: str) -> dict[str, int]:
    """How far a service has come in its streams; what it says of itself from time to time is none of them."""
    with servers.direct(service) as connection:
        return dict(rows(connection, "SELECT stream, sequence FROM stream_head WHERE stream NOT LIKE 'service/%'"))


def _left(servers: Servers, service: str, sources: Mapping[str, Mapping[str, int]]) -> str:
    with servers.direct(service) as connection:
        positions = {
            (source, stream): sequence
            for source, stream, sequence in rows(
                connection, "SELECT source, stream, sequence FROM position WHERE subscription = 'main'"
            )
        }
        for source, published in sources.items():
            if behind := [s for s, head in published.items() if positions.get((source, s), 0) < head]:
                return f"{service} is behind {source} in {len(behind)} streams, {behind[:3]}; {parked(connection)}"
        # Due by time alone is what comes in days: a failure is tried again within the minute.
        due = rows(connection, "SELECT task, count(*) FROM due WHERE at < now() + interval '1 hour' GROUP BY 1")
        if due:
            return f"due in {service}: {due}"
        if unsent := rows(connection, "SELECT count(*) FROM outbox")[0][0]:
            return f"{unsent} rows in the outbox of {service}"
        if owed := rows(connection, "SELECT count(*) FROM intent WHERE outcome IS NULL")[0][0]:
            return f"{owed} effects are owed by {service}"
    return ""


def parked(connection: psycopg.Connection) -> Rows:
    """Streams that wait for a person."""
    return rows(connection, "SELECT subscription, source, stream, kind, reason FROM parked_stream LIMIT 3")


def rows(connection: psycopg.Connection, statement: LiteralString) -> Rows:
    """All that a query gives."""
    return connection.execute(statement).fetchall()


def differences(expected: Mapping[Any, Any], found: Mapping[Any, Any]) -> str:
    """The first keys at which two mappings differ, in words."""
    wrong = [key for key in sorted(expected.keys() | found.keys()) if expected.get(key) != found.get(key)]
    shown = [f"{key}: expected {expected.get(key)}, found {found.get(key)}" for key in wrong[:3]]
    return f"{len(wrong)} differ\n" + "\n".join(shown)
