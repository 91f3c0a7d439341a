"""``pipeline.command``: a call comes in, told by the telephone system; with all that makes it safe."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg
from uuid_utils import uuid7

from deploy.docs.results import Result
from deploy.local.layout import free_port
from services.callcenter.contacts import handlers as contacts
from services.callcenter.contacts.api import plain as plain_answer
from shared.edge.wakeup import plain_url
from shared.pipeline import outbox
from shared.pipeline.commands import Command
from shared.pipeline.service import Service
from tests.bench import customers, serving
from tests.bench.clients import closed_loop, request
from tests.bench.figures import Figure, at_least, throughput
from tests.bench.machine import Machine, plain
from tests.bench.steps import Steps
from tests.builders import Issuer, actor

CLIENTS = 8
COUNT = 1_500
"""Commands of one run."""
WATCHED = 300
SMALL_COUNT = 24


def measure(machine: Machine) -> Iterator[Result]:
    """As the telephone system does it: the number of a known customer, and the call's id as Idempotency-Key."""
    # A real process refuses to start on a database that doesn't know the events of its topic.
    machine.kafka.forget(["callcenter"])
    members = [str(uuid7()) for _ in range(machine.size.customers)]
    issuer = Issuer(machine.folder)
    token = issuer.token("telephony", "telephony", expires=datetime.now(UTC) + timedelta(hours=1))
    calls = Calls(members, {"authorization": f"Bearer {token}"})
    count = COUNT if machine.size.full else SMALL_COUNT
    with machine.service("callcenter") as service, plain(service) as connection:
        customers.fill(service, connection, members)
        steps = _steps(service, members, WATCHED if machine.size.full else 1)
        with (
            serving.api(machine, service, issuer, "callcenter") as port,
            _bare(machine, service, connection) as bare,
        ):
            closed_loop(port, calls.some(count), CLIENTS)
            closed_loop(bare, calls.some(count, "bare"), CLIENTS)
            runs, limits = [], []
            for _ in range(machine.size.runs):
                machine.checkpoint()
                limits.append(closed_loop(bare, calls.some(2 * count, "bare"), CLIENTS))
                runs.append(closed_loop(port, calls.some(count), CLIENTS))
            without_key = closed_loop(port, calls.some(count, "without key"), CLIENTS)
            alone = closed_loop(port, calls.some(count // 3), 1)
    machine.kafka.forget(["callcenter"])
    found = throughput(
        "pipeline.command",
        runs,
        limits,
        clients=CLIENTS,
        without_idempotency_key=round(without_key),
        one_client=round(alone),
        steps=steps,
    )
    yield msgspec.structs.replace(found, unit="commands/s")


def _steps(service: Service, members: Sequence[str], count: int) -> dict[str, float]:
    """Microseconds of a command behind HTTP, one at a time, with nothing else to do."""
    telephone = actor("telephony", "telephony")

    def ring() -> None:
        place = random.randrange(len(members))
        call = f"ring-{uuid.uuid4().hex[:12]}"
        new = contacts.Ring(call, customers.number(place), "support")
        Command(service, telephone, call, bytes(32)).run(lambda work: plain_answer(contacts.ring(work, [new], REGION)))

    for _ in range(count):
        ring()
    steps = Steps()
    with steps.watching(WATCH):
        for _ in range(count):
            ring()
    return steps.per_event(count)


REGION = "ES"
WATCH: dict[str, tuple[Any, str]] = {
    "once by its key, and the rest": (Command, "_once"),
    "contact": (contacts, "ring"),
    "caller by number, held steady": (contacts, "_known"),
    "customer erased or its key": (contacts, "meet"),
    "event written": (outbox, "write"),
    "event composed and sealed": (outbox, "_body"),
    "commit": (psycopg.Connection, "commit"),
    "session": (Service, "_once"),
}


class Calls:
    """Requests of the telephone system."""

    def __init__(self, members: Sequence[str], headers: Mapping[str, str]) -> None:
        self._members, self._headers = members, headers
        self._random = random.Random(1)

    def some(self, count: int, kind: str = "with key") -> list[bytes]:
        """Customers drawn at random call, each call with an id of its own."""
        return [self._one(kind) for _ in range(count)]

    def _one(self, kind: str) -> bytes:
        place = self._random.randrange(len(self._members))
        call = f"ring-{uuid.uuid4().hex[:12]}"
        body: dict[str, str] = {"call": call, "number": customers.number(place), "queue": "support"}
        if kind == "bare":
            body["customer"] = self._members[place]
        key = {"idempotency-key": call} if kind == "with key" else {}
        return request("POST", "/telephony/ring", {**self._headers, **key}, msgspec.json.encode(body))


@contextmanager
def _bare(machine: Machine, service: Service, connection: psycopg.Connection) -> Iterator[int]:
    """The limit's server, with an event that the service wrote; gives its port."""
    body = connection.execute("SELECT body FROM outbox WHERE event_id IS NOT NULL ORDER BY id DESC LIMIT 1").fetchone()
    assert body is not None
    event = machine.folder / "event"
    event.write_bytes(body[0])
    url = plain_url(service.engine.url.render_as_string(hide_password=False))
    port = free_port()
    with serving.served(machine, port, ["tests.bench.bare", url, str(port), str(event)]):
        yield port


FIGURES = (Figure("pipeline.command", "at least 0.55 of plain psycopg behind the same route", measure, at_least(0.55)),)
