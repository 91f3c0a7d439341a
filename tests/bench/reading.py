"""``timeline.read``: the newest entries of a customer over the API, their texts opened.

The customers that are asked for have more entries than an answer shows, and are made event by event, as services
publish them. The other interactions and keys are of the same form, and nobody asks for them.
"""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg

from deploy.docs.results import Result
from services.sync.timeline.handlers import COLUMNS
from shared.events.envelope import parse
from shared.pipeline.keys import KeyRecord
from shared.pipeline.sealing import new_key
from shared.pipeline.service import Service
from tests.bench import serving
from tests.bench.clients import one_by_one, open_loop, request
from tests.bench.figures import Figure, median, percentile
from tests.bench.history import History, Message
from tests.bench.machine import Machine, plain
from tests.builders import Issuer

SHOWN = 50
ASKED = 2_000
"""Customers that may be asked for."""
EACH = 80
"""Interactions of each of these, on average."""
COUNT = 1_000
"""Requests of one run."""
RATE = 100
CLIENTS = 16

_COPIES = """
INSERT INTO interaction ({columns})
SELECT 'customer/' || o.member, source, copy / others + 1, occurred, recorded, gen_random_uuid(), type, author,
    dataschema, data
FROM generate_series(CAST(0 AS bigint), %(copies)s - 1) copy
CROSS JOIN (SELECT count(*) AS others FROM other) n
JOIN other o ON o.place = copy %% others
JOIN made m ON m.place = copy * 7919 %% %(made)s
"""


def measure(machine: Machine) -> Iterator[Result]:
    machine.kafka.forget(["sync"])
    issuer = Issuer(machine.folder)
    token = issuer.token("anna", "agent", expires=datetime.now(UTC) + timedelta(hours=1))
    headers = {"authorization": f"Bearer {token}"}
    with machine.service("sync") as service, plain(service) as connection:
        asked = fill(machine, service, connection)
        count = COUNT if machine.size.full else 10

        def requests() -> list[bytes]:
            members = random.choices(asked, k=count)
            return [request("GET", f"/customers/{member}/timeline", headers) for member in members]

        with serving.api(machine, service, issuer, "sync") as port:
            one_by_one(port, requests())
            runs = [one_by_one(port, requests()) for _ in range(machine.size.runs)]
            loads = [open_loop(port, requests(), RATE, CLIENTS) for _ in range(machine.size.runs)]
    machine.kafka.forget(["sync"])
    more = {"interactions": machine.size.history, "customers": machine.size.customers, "shown": SHOWN}
    yield _latency("one client p50", runs, 0.5, None, more)
    yield _latency("one client p99", runs, 0.99, 10, more)
    yield _latency("100/s p50", loads, 0.5, None, more)
    yield _latency("100/s p99", loads, 0.99, 15, more)


def _latency(
    of: str, runs: Sequence[Sequence[float]], share: float, most: float | None, more: dict[str, int]
) -> Result:
    values = [round(percentile(run, share) * 1000, 2) for run in runs]
    return Result(figure="timeline.read", of=of, value=median(values), unit="ms", most=most, runs=values, more=more)


def fill(machine: Machine, service: Service, connection: psycopg.Connection) -> list[str]:
    """Interactions of all customers; gives the members that have more than an answer shows."""
    customers = min(ASKED, machine.size.customers // 100)
    history = History(customers, {"callcenter": "callcenter"})
    messages = list(history.contacts(customers * EACH))
    events = [message for message in messages if message.sequence]
    others = [str(uuid.uuid4()) for _ in range(machine.size.customers - customers)]
    _keys(service, connection, messages, others)
    columns = ", ".join(COLUMNS)
    connection.execute(
        "CREATE TABLE made (LIKE interaction, place bigint GENERATED ALWAYS AS IDENTITY (START 0 MINVALUE 0))"
    )
    with connection.cursor().copy(f"COPY made ({columns}) FROM STDIN") as copy:
        for event in events:
            copy.write_row(_row(event))
    connection.execute("CREATE TABLE other (member text, place bigint)")
    with connection.cursor().copy("COPY other FROM STDIN") as copy:
        for place, member in enumerate(others):
            copy.write_row((member, place))
    connection.execute(
        _COPIES.format(columns=columns), {"copies": machine.size.history - len(events), "made": len(events)}
    )
    connection.execute(f"INSERT INTO interaction ({columns}) SELECT {columns} FROM made")
    connection.execute("DROP TABLE made, other")
    connection.execute("VACUUM (ANALYZE)")
    entries = Counter(event.stream.partition("/")[2] for event in events)
    return [member for member, count in entries.items() if count > SHOWN]


def _row(event: Message) -> tuple[object, ...]:
    e = parse(event.value, source=event.source, stream=event.stream)
    of_envelope = (e.subject, e.source, e.sequence, e.time, e.recordedtime, e.id, e.type, e.authid, e.dataschema)
    return (*of_envelope, bytes(e.data))


def _keys(service: Service, connection: psycopg.Connection, messages: Sequence[Message], others: Sequence[str]) -> None:
    with connection.cursor().copy("COPY member_key (member, source, key_id, wrapped) FROM STDIN") as copy:
        for message in messages:
            if not message.sequence:
                member, _, key_id = message.stream.partition("/")
                record = msgspec.json.decode(message.body, type=KeyRecord)
                copy.write_row((member, message.source, key_id, record.wrapped))
        for member in others:
            key_id, key = new_key()
            copy.write_row((member, "callcenter", key_id, service.keks.wrap(key, source="callcenter", member=member)))


FIGURES = (Figure("timeline.read", "p99 at most 10 ms for one client, 15 ms at 100/s", measure),)
