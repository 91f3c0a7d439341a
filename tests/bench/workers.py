"""``pipeline.workers``: two workers of one group on two sets of partitions, against one worker: the same events.

Each worker is a process with a consumer of the timeline. They have joined the group, and have their partitions, before
the events come, and begin when all are there; measured is from the first committed batch of either to the last.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection

from confluent_kafka.admin import AdminClient

from deploy.docs.results import Result
from services.sync.subscriptions import SUBSCRIPTIONS
from shared.edge.garbage import collect_seldom
from shared.edge.settings import Settings
from shared.pipeline import keyreader
from shared.pipeline.service import Service
from tests.bench.consuming import Batch, consuming, warm_rate
from tests.bench.figures import Figure, median
from tests.bench.history import History, Message, tell
from tests.bench.machine import Machine, new_name

SETTLE_SECONDS = 60.0
WAIT_SECONDS = 150.0


def measure(machine: Machine) -> Iterator[Result]:
    history = History(machine.size.customers, {"callcenter": new_name("workers")})
    messages = list(history.contacts(machine.size.rows))
    alone, together = [], []
    for _ in range(machine.size.runs):
        alone.append(_rate(machine, messages, 1))
        together.append(_rate(machine, messages, 2))
    runs = [two / one for two, one in zip(together, alone, strict=True)]
    yield Result(
        figure="pipeline.workers",
        value=round(median(runs), 2),
        unit="x",
        runs=[round(run, 2) for run in runs],
        more={"one": round(median(alone)), "two": round(median(together)), "per": "events/s"},
    )


def _rate(machine: Machine, messages: Sequence[Message], count: int) -> float:
    """Events a second with so many workers."""
    name = new_name("workers")
    told = [message._replace(source=name, body=_of(message, name)) for message in messages]
    with (
        machine.service("callcenter", topic=name) as source,
        machine.service("sync", topic=new_name("sync")) as sync,
        ExitStack() as stack,
    ):
        settings = machine.settings(sync.name, sync.engine.url.render_as_string(hide_password=False))
        workers = [stack.enter_context(_working(settings, name)) for _ in range(count)]
        _await_group(sync, count)
        tell(dict(source.kafka), told)
        keyreader.catch_up(sync, [name])
        machine.checkpoint()
        for pipe in workers:
            pipe.send("go")
        return warm_rate(_committed(workers, sum(bool(message.sequence) for message in told)))


def _of(message: Message, source: str) -> bytes:
    # The key was wrapped for another name; the timeline opens nothing.
    return message.body.replace(f'"source":"{message.source}"'.encode(), f'"source":"{source}"'.encode(), 1)


def _await_group(sync: Service, count: int) -> None:
    """Until so many workers have partitions."""
    admin, group = AdminClient(dict(sync.kafka)), f"{sync.name}.main"
    until = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < until:
        described = admin.describe_consumer_groups([group])[group].result()
        if sum(1 for member in described.members if member.assignment.topic_partitions) == count:
            return
        time.sleep(0.1)
    raise TimeoutError("the workers of the group weren't all given partitions")


def _committed(workers: Sequence[Connection], count: int) -> list[Batch]:
    until, found = time.monotonic() + WAIT_SECONDS, list[Batch]()
    while sum(len(batch.ids) for batch in found) < count:
        if time.monotonic() > until:
            raise TimeoutError("the workers are too slow")
        time.sleep(0.2)
        for pipe in workers:
            pipe.send("what is new?")
            found += pipe.recv()
    return sorted(found)


@contextmanager
def _working(settings: Settings, source: str) -> Iterator[Connection]:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_work, args=(settings, source, there), daemon=True)
    process.start()
    there.close()
    try:
        yield here
    finally:
        here.close()
        process.join(timeout=30)
        process.kill()


def _work(settings: Settings, source: str, pipe: Connection) -> None:
    service = Service.of(settings, process="worker")
    collect_seldom()
    with consuming(service, SUBSCRIPTIONS.named(["timeline"]), [source]) as (consumer, _):
        told = 0
        consumer.go.clear()
        try:
            pipe.recv()
            consumer.go.set()
            while pipe.recv():
                new = consumer.batches[told:]
                told += len(new)
                pipe.send(new)
        except EOFError:
            pass


FIGURES = (Figure("pipeline.workers", "", measure),)
