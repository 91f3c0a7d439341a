"""Compares every service's state with the ledger: nothing missing, nothing twice, order kept, nothing stuck."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import psycopg

from tests.faults.ledger import Ledger
from tests.faults.receiver import Receiver
from tests.faults.rest import differences, heads, parked, rows
from tests.faults.servers import Servers

EFFECT = "dissatisfied-notice"


def verify(servers: Servers, ledger: Ledger, receiver: Receiver) -> None:
    """Compare, when all is drained. Raises ``AssertionError``."""
    published = heads(servers, "callcenter")
    with servers.direct("callcenter") as callcenter, servers.direct("sync") as sync:
        nothing_is_parked(callcenter, sync)
        _streams_are_dense(published, sync)
        _timelines(sync, ledger)
        _states(callcenter, ledger)
        _records(callcenter, sync, ledger)
        _notices(sync, ledger, receiver)


def nothing_is_parked(*connections: psycopg.Connection) -> None:
    for connection in connections:
        waiting = parked(connection)
        assert not waiting, f"parked: {waiting}"


def _streams_are_dense(published: dict[str, int], sync: psycopg.Connection) -> None:
    found = rows(
        sync,
        "SELECT stream, count(*), min(sequence), max(sequence) FROM interaction WHERE source = 'callcenter' GROUP BY 1",
    )
    dense = {stream: count for stream, count, first, last in found if first == 1 and last == count}
    assert dense == published, differences(published, dense)


def _timelines(sync: psycopg.Connection, ledger: Ledger) -> None:
    told: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for stream, kind, data in rows(
        sync,
        # What the department's lists hold it says by itself at its first start.
        "SELECT stream, type, data FROM interaction WHERE source = 'callcenter' AND stream NOT LIKE 'definition/%' "
        "ORDER BY stream, sequence",
    ):
        decoded = json.loads(bytes(data))
        about = decoded.get(kind.partition(".")[0], "") if kind.startswith(("contact.", "case.")) else ""
        told[stream].append((kind, about))
    expected = {stream: events for stream, events in ledger.streams.items() if events}
    assert dict(told) == expected, differences(expected, dict(told))


def _states(callcenter: psycopg.Connection, ledger: Ledger) -> None:
    contacts: dict[str, str] = dict(rows(callcenter, "SELECT id::text, state FROM contact"))
    assert contacts == ledger.contacts, differences(ledger.contacts, contacts)
    cases: dict[str, str] = dict(rows(callcenter, "SELECT id::text, state FROM customer_case"))
    assert cases == ledger.cases, differences(ledger.cases, cases)
    answers = rows(callcenter, "SELECT count(*) FROM command_result")[0][0]
    assert answers == ledger.commands, f"{answers} commands were carried out, {ledger.commands} acknowledged"


def _records(callcenter: psycopg.Connection, sync: psycopg.Connection, ledger: Ledger) -> None:
    ours, theirs = _values(callcenter), _values(sync)
    assert ours == theirs, differences(ours, theirs)
    for member, values in ledger.values.items():
        found = {name: ours[member].get(name) for name in values}
        assert found == values, f"customer {member} has {found}, and {values} was acknowledged"


def _values(connection: psycopg.Connection) -> dict[str, dict[str, Any]]:
    found = rows(connection, "SELECT member::text, states FROM customer_record WHERE registered IS NOT NULL")
    return {member: {name: state["value"] for name, state in states.items()} for member, states in found}


def _notices(sync: psycopg.Connection, ledger: Ledger, receiver: Receiver) -> None:
    found = rows(sync, "SELECT event_id::text, data FROM interaction WHERE type = 'contact.wrapped_up'")
    events = {json.loads(bytes(data))["contact"]: event_id for event_id, data in found}
    expected = {f"{events[contact]}/{EFFECT}" for contact in ledger.notices}
    assert set(receiver.posts) == expected, f"{len(expected)} notices are due, {len(receiver.posts)} came"
    ended = rows(sync, "SELECT outcome, count(*) FROM intent GROUP BY 1")
    assert ended in ([("done", len(expected))], []), f"effects ended as {ended}"
