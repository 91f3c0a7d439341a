"""``memory.worker``: what workers keep in memory while they send, and hear, a long log.

Real worker processes. The call center's carries committed outbox rows to Kafka; then sync's and marketing's (at the
small size sync's alone) are started beside that log, and hear all of it. A backlog is what fills queues most.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice

import psutil
from sqlalchemy import text

from deploy.docs.results import Result
from deploy.local.layout import ROOT
from shared.edge.settings import SERVICES
from shared.pipeline.service import Service
from tests.bench.figures import Figure, at_most
from tests.bench.history import History, Message, tell
from tests.bench.machine import Machine, plain
from tests.builders import KEKS, Issuer

PART = 100_000
"""Rows that are committed together."""
POINTS = 10
"""Of a curve."""
LOOK_SECONDS = 0.2
MOST_SECONDS = 240
END_SECONDS = 30
MIB = 2**20
FIGURE = "memory.worker"
MOST_MIB, FLAT = 300, 1.1

_SENT = "SELECT coalesce(sum(next_offset), 0) FROM relay_sent WHERE topic LIKE '%.events'"
_HEARD = "SELECT coalesce(sum(next_offset), 0) FROM consumer_offset WHERE topic LIKE '%.events' AND partition >= 0"
_COPY = "COPY outbox (stream, sequence, event_id, body) FROM STDIN"


@dataclass
class Curve:
    """The memory of one worker by how many events it has behind it."""

    name: str
    process: psutil.Process
    service: Service
    done: str
    """The statement that counts these events."""
    events: int
    """How many there are."""
    rss: list[float] = field(default_factory=list)
    """MiB after each of ``POINTS`` equal parts of them."""
    peak: float = 0.0
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    def look(self) -> bool:
        """Note what it takes now; gives whether it has all events behind it."""
        with self.service.engine.begin() as connection:
            done = connection.execute(text(self.done)).scalar_one()
        now = self.process.memory_info().rss / MIB
        self.peak = max(self.peak, now)
        while len(self.rss) < min(POINTS, done * POINTS // self.events):
            self.rss.append(now)
            self.seconds = time.monotonic() - self.began
        return len(self.rss) == POINTS

    @property
    def growth(self) -> float:
        """In the second half, as a factor."""
        return self.rss[-1] / self.rss[POINTS // 2 - 1]

    def result(self) -> Result:
        """What it took after all."""
        value = round(self.rss[-1], 1)
        curve = [round(each) for each in self.rss]
        more = {"events": self.events, "curve": curve, "peak": round(self.peak), "seconds": round(self.seconds, 1)}
        return Result(figure=FIGURE, of=self.name, value=value, unit="MiB", most=MOST_MIB, runs=[value], more=more)


def measure(machine: Machine) -> Iterator[Result]:
    # The processes have the services' own names, so their topics have too.
    machine.kafka.forget(SERVICES)
    try:
        yield from _measured(machine)
    finally:
        machine.kafka.forget(SERVICES)


def _measured(machine: Machine) -> Iterator[Result]:
    size = machine.size
    history = History(size.customers)
    orders = size.history // 10
    with ExitStack() as stack:
        names = ("callcenter", "sfa", "sync", *(("marketing",) if size.full else ()))
        callcenter, _, *others = (stack.enter_context(machine.service(name)) for name in names)
        with _worker(machine, callcenter) as process:
            curves = [Curve("callcenter relay", process, callcenter, _SENT, size.history)]
            _commit(callcenter, chain(history.registrations(), history.contacts(size.history - size.customers)), curves)
            _follow(curves)
        tell(dict(callcenter.kafka), history.orders(orders))
        hearing = [
            Curve(f"{of.name} worker", stack.enter_context(_worker(machine, of)), of, _HEARD, size.history + orders)
            for of in others
        ]
        _follow(hearing)
        curves += hearing
        for curve in curves:
            yield curve.result()
        growth = [round(curve.growth, 3) for curve in curves]
        yield Result(figure=FIGURE, of="growth", value=max(growth), unit="x", most=FLAT, runs=growth)


@contextmanager
def _worker(machine: Machine, service: Service) -> Iterator[psutil.Process]:
    """The worker of a service in a process of its own, as shipped. Raises ``RuntimeError`` when it ends badly."""
    issuer = Issuer(machine.folder)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CRM_")},
        f"CRM_{service.name.upper()}_DATABASE_URL": service.engine.url.render_as_string(hide_password=False),
        f"CRM_{service.name.upper()}_PORT": "1",
        **machine.kafka.environment,
        "CRM_KEY_ENCRYPTION_KEYS": KEKS,
        "CRM_TOKEN_ISSUER": issuer.name,
        "CRM_JWKS_FILE": str(issuer.jwks_file),
    }
    log = machine.folder / f"{service.name}-worker.log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", f"services.{service.name}", "worker"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        status = process.wait(END_SECONDS)
    if status:
        raise RuntimeError(f"the worker of {service.name} ended with {status}:\n{log.read_text()[-2000:]}")


def _commit(service: Service, messages: Iterable[Message], curves: Sequence[Curve]) -> None:
    """Commit events to the outbox, many at once, so that there is always something to send."""
    rest = iter(messages)
    with plain(service) as connection:
        while part := list(islice(rest, PART)):
            with connection.cursor().copy(_COPY) as copy:
                for row in part:
                    copy.write_row((row.stream, row.sequence or None, row.id or None, row.body))
            for curve in curves:
                curve.look()


def _follow(curves: Sequence[Curve]) -> None:
    """Watch until all have all events behind them."""
    deadline = time.monotonic() + MOST_SECONDS
    while [curve for curve in curves if not curve.look()]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{[curve.rss for curve in curves]} in {MOST_SECONDS} s")
        time.sleep(LOOK_SECONDS)


FIGURES = (
    Figure(
        FIGURE,
        "each worker and relay takes 300 MiB at most after 1,000,000 events, and a tenth more than after half",
        measure,
        at_most(MOST_MIB),
    ),
)
