"""The streams' process: ``python -m services.callcenter streams``. A Faust app over the call center's own events.

It keeps nothing but memory: at the start it reads again from where the longest window begins. One process is enough;
what it says may be said twice, and is taken into the database once.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import ssl
import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import faust
import structlog
from confluent_kafka import OFFSET_END, Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from services.callcenter.streams import hearing, messages, rules
from services.callcenter.streams.messages import Signal, WindowsSeen
from services.callcenter.streams.progress import TOPIC, Progress, ends_in, watch
from services.callcenter.streams.rules import State
from shared.edge import faults, logs, metrics
from shared.edge.clock import Clock, system_clock
from shared.edge.health import Health, alive
from shared.edge.settings import Settings
from shared.edge.signs import Signs
from shared.pipeline import readiness, topics

log = structlog.get_logger(__name__)

GROUP = "callcenter.streams"
TICK_SECONDS = 1.0
SIGN_OF_LIFE = timedelta(minutes=1)
"""Windows are said again after so long even when nothing changed, so that a reader can tell that somebody counts."""
SESSION_SECONDS = 6
"""After so long without a sign a process that died is given up by Kafka; less isn't allowed by brokers."""
PAUSE_SECONDS = 1.0
FLUSH_SECONDS = 5.0
STOP_SECONDS = 10.0
"""Faust says good-bye to Kafka, and waits without end for one that is away."""

PRODUCER: dict[str, str | int | bool] = {"enable.idempotence": True, "linger.ms": 5, "message.timeout.ms": 0}


class Streams:
    """Counts what it hears, and says what it sees."""

    def __init__(self, producer: Producer, progress: Progress, clock: Clock = system_clock) -> None:
        self._producer = producer
        self._progress = progress
        self._clock = clock
        self._state = State()
        self._said: WindowsSeen | None = None

    def hear(self, partition: int, offset: int, key: bytes | None, value: bytes | None) -> None:
        """Take in one message."""
        if burst := hearing.hear(self._state, key, value, self._clock()):
            log.info("streams.burst", product=burst.product, place=burst.place, cases=len(burst.cases))
            self._say(burst)
        self._progress.heard(partition, offset)

    def tick(self) -> None:
        """Say what the windows show, when it is something else than last time."""
        self._producer.poll(0)
        if self._progress.missing:
            return
        seen, said = hearing.windows(self._state, self._clock()), self._said
        if said is None or _shows_other(seen, said) or seen.at - said.at >= SIGN_OF_LIFE:
            self._say(seen)
            self._said = seen

    def close(self) -> None:
        """Wait for what was said to be acknowledged."""
        faults.at("signal.send", lambda: self._producer.flush(FLUSH_SECONDS))

    def _say(self, signal: Signal) -> None:
        try:
            self._produce(signal)
        except faults.FaultRaised:
            self._produce(signal)

    def _produce(self, signal: Signal) -> None:
        value = messages.encode(signal)
        faults.at("signal.send", lambda: self._producer.produce(messages.TOPIC, value=value, key=signal_key(signal)))


def _shows_other(seen: WindowsSeen, said: WindowsSeen) -> bool:
    return (seen.windows, seen.queues) != (said.windows, said.queues)


def signal_key(signal: Signal) -> bytes:
    return b"windows" if isinstance(signal, WindowsSeen) else f"{signal.product}/{signal.place}".encode()


def run(settings: Settings, _: argparse.Namespace) -> int:
    """Stream until SIGTERM or SIGINT; gives the process's exit status."""
    logs.configure(settings.service, "streams")
    metrics.says(settings.service, "streams", settings.release)
    progress = Progress()
    health = Health([readiness.kafka(settings.kafka, TOPIC), progress.windows()])
    if settings.streams_metrics_port:
        Signs(settings.host, settings.streams_metrics_port, health)
    with health.running():
        return asyncio.run(_run(settings, health, progress))


async def _run(settings: Settings, health: Health, progress: Progress) -> int:
    stop, failed, asked = asyncio.Event(), asyncio.Event(), threading.Event()

    def end() -> None:
        asked.set()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end)
    with health.part("beginning"):
        begun = await asyncio.to_thread(_until_begun, settings, progress, asked)
    if not begun:
        return 0
    streams = Streams(Producer({**settings.kafka, **PRODUCER}), progress)
    app = application(settings, streams, failed)

    def hearing_is_watched() -> None:
        with health.part("hearing"):
            watch(progress, ends_in(settings.kafka), asked)

    # A daemon: it may be asking a Kafka that doesn't answer.
    threading.Thread(target=hearing_is_watched, name="hearing", daemon=True).start()
    try:
        await app.start()
        log.info("streams.started", missing=progress.missing)
        waits = (stop.wait(), failed.wait(), app.wait_until_stopped(), _saying(streams, health))
        ends = [asyncio.create_task(each) for each in waits]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        asked.set()
        stopping = asyncio.create_task(app.stop())
        await asyncio.wait([stopping], timeout=STOP_SECONDS)
        for task in ends:
            task.cancel()
    finally:
        asked.set()
        streams.close()
    code = 0 if stop.is_set() else 1
    if not stopping.done():
        # It can't be broken off either. All that it keeps is memory.
        log.warning("streams.ended_hard")
        os._exit(code)
    return code


async def _saying(streams: Streams, health: Health) -> None:
    """Say what is seen, as long as the process lives; in the loop that hears, so that one that hangs is seen."""
    with health.part("windows"):
        try:
            while True:
                alive()
                streams.tick()
                await asyncio.sleep(TICK_SECONDS)
        except Exception:
            log.exception("streams.failed")
            raise


def application(settings: Settings, streams: Streams, failed: asyncio.Event) -> faust.App:
    """The Faust app that feeds ``streams``. An error sets ``failed``: the next process begins anew."""
    app = faust.App(
        GROUP,
        broker=[f"kafka://{server}" for server in settings.kafka["bootstrap.servers"].split(",")],
        store="memory://",
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        broker_session_timeout=SESSION_SECONDS,
        broker_heartbeat_interval=SESSION_SECONDS / 4,
        consumer_auto_offset_reset="latest",
        processing_guarantee="at_least_once",
        **security(settings.kafka),
    )
    events = app.topic(TOPIC, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    @app.agent(events, concurrency=1)
    async def hear(stream: Any) -> None:
        async for event in stream.events():
            m = event.message
            try:
                streams.hear(m.partition, m.offset, m.key, m.value)
            except Exception:
                log.exception("streams.failed")
                failed.set()

    return app


def security(kafka: Mapping[str, str]) -> dict[str, Any]:
    """TLS and SASL of librdkafka's settings as Faust takes them; nothing for a plain connection."""
    protocol = kafka.get("security.protocol", "plaintext").lower()
    tls = protocol in ("ssl", "sasl_ssl")
    if protocol.startswith("sasl_"):
        return {
            "broker_credentials": faust.SASLCredentials(
                username=kafka.get("sasl.username"),
                password=kafka.get("sasl.password"),
                mechanism=kafka.get("sasl.mechanism") or kafka.get("sasl.mechanisms"),
                ssl_context=_tls(kafka) if tls else None,
            )
        }
    return {"broker_credentials": faust.SSLCredentials(context=_tls(kafka))} if tls else {}


def _tls(kafka: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=kafka.get("ssl.ca.location"))
    if certificate := kafka.get("ssl.certificate.location"):
        context.load_cert_chain(certificate, kafka.get("ssl.key.location"), kafka.get("ssl.key.password"))
    return context


def _until_begun(settings: Settings, progress: Progress, asked: threading.Event) -> bool:
    """Have the topics, and the group where the longest window begins. False when a stop was asked for meanwhile."""
    while not asked.is_set():
        alive()
        try:
            messages.ensure_topic(settings.kafka, settings.replication)
            if _begin(settings.kafka, progress):
                return True
        except KafkaException as error:
            # Also while a process that died is still taken for alive.
            log.info("streams.waits", why=error.args[0].name())
        asked.wait(PAUSE_SECONDS)
    return False


def _begin(kafka: Mapping[str, str], progress: Progress) -> bool:
    """False as long as the call center has no topic."""
    admin = AdminClient(dict(kafka))
    partitions = topics.partitions_of(admin, TOPIC)
    if not partitions:
        return False
    ends = topics.ends(admin, TOPIC, partitions)
    since = int((system_clock() - rules.LONGEST).timestamp() * 1000)
    consumer = Consumer({**kafka, "group.id": GROUP, "enable.auto.commit": False})
    try:
        wanted = [TopicPartition(TOPIC, partition, since) for partition in partitions]
        found = consumer.offsets_for_times(wanted, timeout=topics.TIMEOUT_SECONDS)
        starts = {tp.partition: ends[tp.partition] if tp.offset == OFFSET_END else tp.offset for tp in found}
        places = [TopicPartition(TOPIC, partition, offset) for partition, offset in starts.items()]
        consumer.commit(offsets=places, asynchronous=False)
    finally:
        consumer.close()
    progress.starts(starts, ends)
    return True
