"""``auth.overhead``: what token, roles, masks and the audit log add to a command and to the reading of a timeline.

Against the same service without them (``open_door``), on the same database, in turns: what the machine does meanwhile
touches both.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import msgspec
from uuid_utils import uuid7

from deploy.docs.results import Result
from shared.pipeline.service import Service
from tests.bench import customers, reading, serving
from tests.bench.clients import closed_loop, one_by_one, request
from tests.bench.command import CLIENTS, Calls
from tests.bench.figures import Bound, Figure, median, percentile, throughput
from tests.bench.machine import Machine, plain
from tests.builders import Issuer

COUNT = 1_500
READS = 1_000
SMALL_COUNT = 24
LEAST = 0.9
"""Of the commands that are carried out without: an overhead of a tenth at most."""
MOST_MS = 2.0


def measure(machine: Machine) -> Iterator[Result]:
    issuer = Issuer(machine.folder)
    yield _commands(machine, issuer)
    yield _reads(machine, issuer)


def _commands(machine: Machine, issuer: Issuer) -> Result:
    machine.kafka.forget(["callcenter"])
    members = [str(uuid7()) for _ in range(machine.size.customers)]
    calls = Calls(members, _headers(issuer, "telephony"))
    count = COUNT if machine.size.full else SMALL_COUNT
    with machine.service("callcenter") as service, plain(service) as connection:
        customers.fill(service, connection, members)
        with _both(machine, service, issuer, "callcenter") as (shut, opened):
            for port in (shut, opened):
                closed_loop(port, calls.some(count), CLIENTS)
            runs, limits = [], []
            for _ in range(2 * machine.size.runs):
                machine.checkpoint()
                limits.append(closed_loop(opened, calls.some(count), CLIENTS))
                runs.append(closed_loop(shut, calls.some(count), CLIENTS))
    machine.kafka.forget(["callcenter"])
    found = throughput("auth.overhead", runs, limits, clients=CLIENTS)
    return msgspec.structs.replace(found, of="pipeline.command", unit="commands/s", least=LEAST)


def _reads(machine: Machine, issuer: Issuer) -> Result:
    machine.kafka.forget(["sync"])
    headers = _headers(issuer, "agent")
    with machine.service("sync") as service, plain(service) as connection:
        asked = reading.fill(machine, service, connection)

        def requests() -> list[bytes]:
            members = random.choices(asked, k=READS if machine.size.full else SMALL_COUNT)
            return [request("GET", f"/customers/{member}/timeline", headers) for member in members]

        with _both(machine, service, issuer, "sync") as (shut, opened):
            for port in (shut, opened):
                one_by_one(port, requests())
            with_all: list[Sequence[float]] = []
            without: list[Sequence[float]] = []
            for _ in range(2 * machine.size.runs):
                without.append(one_by_one(opened, requests()))
                with_all.append(one_by_one(shut, requests()))
    machine.kafka.forget(["sync"])
    runs = [_ms(a, 0.99) - _ms(b, 0.99) for a, b in zip(with_all, without, strict=True)]
    more = {
        "p99_with_ms": median([_ms(run, 0.99) for run in with_all]),
        "p99_without_ms": median([_ms(run, 0.99) for run in without]),
        "p50_with_ms": median([_ms(run, 0.5) for run in with_all]),
        "p50_without_ms": median([_ms(run, 0.5) for run in without]),
    }
    value = round(max(0.0, median(runs)), 2)
    found = Result(figure="auth.overhead", of="timeline.read p99", value=value, unit="ms more", most=MOST_MS)
    return msgspec.structs.replace(found, runs=[round(run, 2) for run in runs], more=more)


@contextmanager
def _both(machine: Machine, service: Service, issuer: Issuer, block: str) -> Iterator[tuple[int, int]]:
    """The API as shipped, and the one with an open door; gives their ports."""
    with (
        serving.api(machine, service, issuer, block) as shut,
        serving.api(machine, service, issuer, block, module=["tests.bench.open_door", block]) as opened,
    ):
        yield shut, opened


def _headers(issuer: Issuer, role: str) -> dict[str, str]:
    token = issuer.token(role, role, expires=datetime.now(UTC) + timedelta(hours=1))
    return {"authorization": f"Bearer {token}"}


def _ms(run: Sequence[float], share: float) -> float:
    return round(percentile(run, share) * 1000, 2)


FIGURES = (
    Figure(
        "auth.overhead", "commands at least 0.9 of those without, a timeline's p99 at most 2 ms more", measure, Bound()
    ),
)
