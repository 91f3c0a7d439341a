"""``pipeline.capture``: commit in a service to received by a bare Kafka consumer, under a constant load."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection

import psutil
from confluent_kafka import OFFSET_END, Consumer, TopicPartition

from deploy.docs.results import Result
from tests.bench.figures import Figure, median, percentile
from tests.bench.history import History, Message
from tests.bench.load import Committed, Load, load, spread
from tests.bench.machine import Machine, kafka_of, new_name
from tests.bench.relaying import relaying

RATES = {500: (3.0, 10.0), 2_000: (4.0, 25.0)}
"""Events a second, and how many milliseconds the median and the 99th percentile may be."""
MOST_CORES = 0.3
MOST_MIB = 150.0
WARM_SECONDS = 2.0
WAIT_SECONDS = 60.0
_ID = b'"id":"'


def measure(machine: Machine) -> Iterator[Result]:
    name = new_name("capture")
    history = History(machine.size.customers, {"callcenter": name})
    with (
        machine.service("callcenter", topic=name) as service,
        relaying(service) as relay,
        load(service) as committing,
        receiving(kafka_of(machine), service.events_topic) as receiver,
    ):
        for rate, (most_p50, most_p99) in RATES.items():
            events = spread(list(history.contacts(round(rate * WARM_SECONDS))))
            _run(committing, receiver, relay, events, rate)
            runs = []
            for _ in range(machine.size.runs):
                events = spread(list(history.contacts(round(rate * machine.size.seconds))))
                runs.append(_run(committing, receiver, relay, events, rate))
            more = {"rate": rate, "seconds": machine.size.seconds, "load_late_ms": [run["late"] for run in runs]}
            yield _result(f"{rate:,}/s p50", "ms", most_p50, [run["p50"] for run in runs], more)
            yield _result(f"{rate:,}/s p99", "ms", most_p99, [run["p99"] for run in runs], more)
            yield _result(f"{rate:,}/s cores", "cores", MOST_CORES, [run["cores"] for run in runs], more)
            yield _result(f"{rate:,}/s memory", "MiB", MOST_MIB, [run["memory"] for run in runs], more)


def _result(of: str, unit: str, most: float, runs: Sequence[float], more: Mapping[str, object]) -> Result:
    return Result(
        figure="pipeline.capture", of=of, value=median(runs), unit=unit, most=most, runs=list(runs), more=dict(more)
    )


def _run(
    committing: Load, receiver: Receiver, relay: psutil.Process, events: Sequence[Message], rate: float
) -> dict[str, float]:
    cpu, began = relay.cpu_times(), time.monotonic()
    committed: Committed = committing.run(events, rate)
    after, seconds = relay.cpu_times(), time.monotonic() - began
    received = receiver.take(len(events))
    waited = [(received[id] - at) * 1_000 for id, at in committed.at.items()]
    return {
        "p50": round(percentile(waited, 0.5), 2),
        "p99": round(percentile(waited, 0.99), 2),
        "cores": round((after.user + after.system - cpu.user - cpu.system) / seconds, 3),
        "memory": round(relay.memory_info().rss / 2**20, 1),
        "late": round(committed.late * 1_000, 2),
    }


class Receiver:
    """A process with a consumer that does nothing but note when each event came. See ``receiving``."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def take(self, count: int) -> dict[str, float]:
        """When each of the next so many events came, by ``time.monotonic``. Raises ``TimeoutError``."""
        self._pipe.send(count)
        if not self._pipe.poll(WAIT_SECONDS):
            raise TimeoutError(f"{count} events didn't come in {WAIT_SECONDS} s")
        found: dict[str, float] = self._pipe.recv()
        return found


@contextmanager
def receiving(kafka: Mapping[str, object], topic: str) -> Iterator[Receiver]:
    """A consumer of ``topic``, from what is there now on."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_receive, args=(kafka, topic, there), daemon=True)
    process.start()
    there.close()
    try:
        if not here.poll(WAIT_SECONDS):
            raise TimeoutError("the receiver's process didn't start")
        here.recv()
        yield Receiver(here)
    finally:
        here.close()
        process.join(timeout=10)
        process.kill()


def _receive(kafka: Mapping[str, object], topic: str, pipe: Connection) -> None:
    consumer = Consumer({**kafka, "group.id": topic, "enable.auto.commit": False})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, OFFSET_END) for partition in partitions])
    consumer.poll(1.0)
    pipe.send("ready")
    came: list[tuple[float, bytes]] = []
    wanted = 0
    while True:
        first = consumer.poll(0.05)
        now = time.monotonic()
        for message in [first, *consumer.consume(1_000, 0)] if first else ():
            if message.error() is None:
                came.append((now, message.value() or b""))
        try:
            if not wanted and pipe.poll():
                wanted = pipe.recv()
            if wanted and len(came) >= wanted:
                pipe.send({_id(value): at for at, value in came})
                came, wanted = [], 0
        except (EOFError, BrokenPipeError):
            break
    consumer.close()


def _id(value: bytes) -> str:
    begin = value.index(_ID) + len(_ID)
    return value[begin : value.index(b'"', begin)].decode()


FIGURES = (
    Figure(
        "pipeline.capture",
        "at 500/s p50 at most 3 ms and p99 10 ms, at 2,000/s 4 ms and 25 ms; at most 0.3 core and 150 MiB",
        measure,
    ),
)
