"""Compares every service's state with the ledger: nothing missing, nothing twice, order kept, nothing stuck."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from typing import Any, LiteralString

import psycopg

from tests.faults.ledger import Ledger
from tests.faults.receiver import Receiver
from tests.faults.servers import Servers

Rows = list[tuple[Any, ...]]

EFFECT = "dissatisfied-notice"


def verify(servers: Servers, ledger: Ledger, receiver: Receiver, seconds: float) -> None:
    """Wait until all is drained, and compare. Raises ``AssertionError``."""
    drain(servers, seconds)
    with servers.direct("callcenter") as callcenter, servers.direct("sync") as sync:
        _nothing_is_parked(callcenter, sync)
        _streams_are_dense(callcenter, sync)
        _timelines(sync, ledger)
        _states(callcenter, ledger)
        _records(callcenter, sync, ledger)
        _notices(sync, ledger, receiver)


def drain(servers: Servers, seconds: float) -> None:
    """Wait until nothing is on its way any more; what doesn't come to rest is stuck, and fails."""
    end = time.monotonic() + seconds
    while left := on_the_way(servers):
        assert time.monotonic() < end, f"stuck after {seconds:.0f} s: {left}"
        time.sleep(0.1)


def on_the_way(servers: Servers) -> str:
    """What is still to be done, in words; empty when nothing is."""
    try:
        with servers.direct("callcenter") as callcenter, servers.direct("sync") as sync:
            for name, connection in (("callcenter", callcenter), ("sync", sync)):
                if unsent := _rows(connection, "SELECT count(*) FROM outbox")[0][0]:
                    return f"{unsent} rows in the outbox of {name}"
            positions = _positions(sync)
            if behind := [s for s, head in _heads(callcenter).items() if positions.get(s, 0) < head]:
                return f"sync is behind in {len(behind)} streams, {behind[:3]}; parked: {_parked(sync)}"
            if owed := _rows(sync, "SELECT count(*) FROM intent WHERE outcome IS NULL")[0][0]:
                return f"{owed} effects are owed"
    except psycopg.OperationalError as error:
        return f"PostgreSQL doesn't answer: {error}"
    return ""


def _heads(callcenter: psycopg.Connection) -> dict[str, int]:
    return dict(_rows(callcenter, "SELECT stream, sequence FROM stream_head"))


def _positions(sync: psycopg.Connection) -> dict[str, int]:
    rows = _rows(sync, "SELECT stream, sequence FROM position WHERE source = 'callcenter' AND subscription = 'main'")
    return dict(rows)


def _parked(connection: psycopg.Connection) -> Rows:
    return _rows(connection, "SELECT subscription, source, stream, kind, reason FROM parked_stream LIMIT 3")


def _nothing_is_parked(*connections: psycopg.Connection) -> None:
    for connection in connections:
        parked = _parked(connection)
        assert not parked, f"parked: {parked}"


def _streams_are_dense(callcenter: psycopg.Connection, sync: psycopg.Connection) -> None:
    found = _rows(
        sync,
        "SELECT stream, count(*), min(sequence), max(sequence) FROM interaction WHERE source = 'callcenter' GROUP BY 1",
    )
    dense = {stream: count for stream, count, first, last in found if first == 1 and last == count}
    assert dense == _heads(callcenter), _differences(_heads(callcenter), dense)


def _timelines(sync: psycopg.Connection, ledger: Ledger) -> None:
    told: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for stream, kind, data in _rows(
        sync, "SELECT stream, type, data FROM interaction WHERE source = 'callcenter' ORDER BY stream, sequence"
    ):
        decoded = json.loads(bytes(data))
        about = decoded.get(kind.partition(".")[0], "") if kind.startswith(("contact.", "case.")) else ""
        told[stream].append((kind, about))
    expected = {stream: events for stream, events in ledger.streams.items() if events}
    assert dict(told) == expected, _differences(expected, dict(told))


def _states(callcenter: psycopg.Connection, ledger: Ledger) -> None:
    contacts: dict[str, str] = dict(_rows(callcenter, "SELECT id::text, state FROM contact"))
    assert contacts == ledger.contacts, _differences(ledger.contacts, contacts)
    cases: dict[str, str] = dict(_rows(callcenter, "SELECT id::text, state FROM customer_case"))
    assert cases == ledger.cases, _differences(ledger.cases, cases)
    answers = _rows(callcenter, "SELECT count(*) FROM command_result")[0][0]
    assert answers == ledger.commands, f"{answers} commands were carried out, {ledger.commands} acknowledged"


def _records(callcenter: psycopg.Connection, sync: psycopg.Connection, ledger: Ledger) -> None:
    ours, theirs = _values(callcenter), _values(sync)
    assert ours == theirs, _differences(ours, theirs)
    for member, values in ledger.values.items():
        found = {name: ours[member].get(name) for name in values}
        assert found == values, f"customer {member} has {found}, and {values} was acknowledged"


def _values(connection: psycopg.Connection) -> dict[str, dict[str, Any]]:
    rows = _rows(connection, "SELECT member::text, states FROM customer_record WHERE registered IS NOT NULL")
    return {member: {name: state["value"] for name, state in states.items()} for member, states in rows}


def _notices(sync: psycopg.Connection, ledger: Ledger, receiver: Receiver) -> None:
    rows = _rows(sync, "SELECT event_id::text, data FROM interaction WHERE type = 'contact.wrapped_up'")
    events = {json.loads(bytes(data))["contact"]: event_id for event_id, data in rows}
    expected = {f"{events[contact]}/{EFFECT}" for contact in ledger.notices}
    assert set(receiver.posts) == expected, f"{len(expected)} notices are due, {len(receiver.posts)} came"
    ended = _rows(sync, "SELECT outcome, count(*) FROM intent GROUP BY 1")
    assert ended in ([("done", len(expected))], []), f"effects ended as {ended}"


def _differences(expected: dict[str, Any], found: dict[str, Any]) -> str:
    wrong = [key for key in sorted(expected.keys() | found.keys()) if expected.get(key) != found.get(key)]
    shown = [f"{key}: expected {expected.get(key)}, found {found.get(key)}" for key in wrong[:3]]
    return f"{len(wrong)} differ\n" + "\n".join(shown)


def _rows(connection: psycopg.Connection, statement: LiteralString) -> Rows:
    return connection.execute(statement).fetchall()
