"""``pipeline.latency``: commit in one service to visible in another's table, under a constant load.

Three processes beside Kafka and PostgreSQL: the load, which commits; the publisher's relay; a whole worker of sync as
it is shipped, which hears all that sync hears. An event is visible when the worker's transaction with it was committed,
which is noted by the worker's own process when the commit is acknowledged. The customers' keys are known from before.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection

from deploy.docs.results import Result
from services.sync.subscriptions import SUBSCRIPTIONS
from services.sync.wiring import BLOCK
from shared.edge.settings import Settings
from shared.pipeline import worker
from shared.pipeline.consumer import SubscriptionConsumer
from shared.pipeline.incoming import Incoming
from shared.pipeline.service import Service
from shared.pipeline.subscriptions import Subscriptions
from tests.bench.figures import Figure, median, percentile
from tests.bench.history import History, Message, tell
from tests.bench.load import Load, load, spread
from tests.bench.machine import Machine, new_name
from tests.bench.relaying import relaying

RATES = {500: (8.0, 25.0), 2_000: (25.0, 60.0)}
"""Events a second, and how many milliseconds the median and the 99th percentile may be."""
WARM_SECONDS = 2.0
WAIT_SECONDS = 60.0


def measure(machine: Machine) -> Iterator[Result]:
    name = new_name("latency")
    history = History(machine.size.customers, {"callcenter": name})
    with (
        machine.service("callcenter", topic=name) as source,
        machine.service("sync", topic=new_name("sync")) as sync,
        relaying(source),
        load(source) as committing,
    ):
        url = sync.engine.url.render_as_string(hide_password=False)
        loads = {rate: _events(history, dict(source.kafka), rate, machine) for rate in RATES}
        with working(machine.settings(sync.name, url), name) as visible:
            for rate, (most_p50, most_p99) in RATES.items():
                warm, *measured = loads[rate]
                _run(committing, visible, warm, rate)
                runs = [_run(committing, visible, events, rate) for events in measured]
                more = {"rate": rate, "seconds": machine.size.seconds, "load_late_ms": [run["late"] for run in runs]}
                yield _result(f"{rate:,}/s p50", most_p50, [run["p50"] for run in runs], more)
                yield _result(f"{rate:,}/s p99", most_p99, [run["p99"] for run in runs], more)


def _events(history: History, kafka: dict[str, str], rate: int, machine: Machine) -> list[list[Message]]:
    """The events of each run, the first to warm up; the keys that they need are told."""
    seconds = [min(WARM_SECONDS, machine.size.seconds), *[machine.size.seconds] * machine.size.runs]
    parts = [list(history.contacts(round(rate * of))) for of in seconds]
    tell(kafka, [message for part in parts for message in part if not message.sequence])
    return [spread(part) for part in parts]


def _run(committing: Load, visible: Visible, events: Sequence[Message], rate: int) -> dict[str, float]:
    committed = committing.run(events, rate)
    seen = visible.take(len(events))
    waited = [(seen[id] - at) * 1_000 for id, at in committed.at.items()]
    return {
        "p50": round(percentile(waited, 0.5), 2),
        "p99": round(percentile(waited, 0.99), 2),
        "late": round(committed.late * 1_000, 2),
    }


def _result(of: str, most: float, runs: Sequence[float], more: Mapping[str, object]) -> Result:
    return Result(
        figure="pipeline.latency", of=of, value=median(runs), unit="ms", most=most, runs=list(runs), more=dict(more)
    )


class Visible:
    """Asks a worker's process what it has committed. See ``working``."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def take(self, count: int) -> dict[str, float]:
        """The next so many events: id -> when it was visible, by ``time.monotonic``."""
        self._pipe.send(count)
        if not self._pipe.poll(WAIT_SECONDS):
            raise TimeoutError(f"{count} events weren't taken in")
        found: dict[str, float] = self._pipe.recv()
        return found


@contextmanager
def working(settings: Settings, source: str) -> Iterator[Visible]:
    """A worker of sync in a process of its own, that hears ``source``."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_work, args=(settings, source, there), daemon=True)
    process.start()
    there.close()
    try:
        yield Visible(here)
    finally:
        here.close()
        process.join(timeout=30)
        process.kill()


class _Noting(SubscriptionConsumer):
    """The shipped consumer; it notes what it has committed, and when."""

    seen: dict[str, float] = {}
    more = threading.Event()

    def _once(self, fresh: Sequence[Incoming]) -> None:
        super()._once(fresh)
        at = time.monotonic()
        self.seen.update((message.envelope.id, at) for message in fresh if message.envelope)
        self.more.set()


def _work(settings: Settings, source: str, pipe: Connection) -> None:
    vars(worker)["SubscriptionConsumer"] = _Noting
    service = Service.of(settings, process="worker")
    heard = Subscriptions((source,), SUBSCRIPTIONS.slices)
    working = worker.Worker(service, settings, heard, {}, BLOCK.tasks(settings))
    thread = threading.Thread(target=working.run)
    thread.start()
    try:
        while True:
            count = pipe.recv()
            while len(_Noting.seen) < count:
                _Noting.more.wait()
                _Noting.more.clear()
            pipe.send(_Noting.seen)
            _Noting.seen.clear()
    except EOFError:
        working.stop.set()
        thread.join()


FIGURES = (Figure("pipeline.latency", "500/s: p50 at most 8 ms, p99 25; 2,000/s: 25 and 60", measure),)
