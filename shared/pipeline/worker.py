"""The worker process of a service: the relay, a consumer for each subscription, the intents, and upkeep."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import structlog
from confluent_kafka import KafkaException
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shared.edge import faults, logs, metrics
from shared.edge.garbage import collect_seldom
from shared.edge.health import Health, alive
from shared.edge.settings import Settings
from shared.edge.signs import Signs
from shared.pipeline import chain, commands, intents, keyreader, readiness, topics
from shared.pipeline.consumer import Stopped, SubscriptionConsumer
from shared.pipeline.measures import take as take_measures
from shared.pipeline.reading import LogTooShort, ReadTimedOut
from shared.pipeline.receive import Subscription
from shared.pipeline.relay import Relay
from shared.pipeline.service import Service
from shared.pipeline.standing import forget_ended
from shared.pipeline.subscriptions import EVERYTHING, Slice, Subscriptions
from shared.pipeline.tables import heard
from shared.pipeline.tasks import Task, Tasks
from shared.pipeline.work import Work

log = structlog.get_logger(__name__)

MAIN = "main"

Parts = Callable[[Service, threading.Event], Mapping[str, Callable[[], None]]]
"""What else runs in a service's worker, as threads by name, until the event is set."""

UPKEEP_SECONDS = 5.0
FORGET_EVERY = 720
"""Rounds of upkeep between two clearings of old answers and looks at the own keys topic: an hour."""
STOP_SECONDS = 20.0


class SliceChanged(SystemExit):
    """A slice hears more event types than it has heard from the beginning of the log on."""


def run(
    settings: Settings,
    subscriptions: Subscriptions,
    performers: Mapping[str, intents.Performer] | None = None,
    due: Sequence[Task] = (),
    parts: Parts = lambda _service, _stop: {},
    versions: Path | None = None,
) -> None:
    """Work until SIGTERM or SIGINT; finishes the batch at hand first. Exits with 1 when a part of it fails."""
    logs.configure(settings.service, "worker")
    metrics.says(settings.service, "worker", settings.release)
    service = Service.of(settings, process="worker", versions=versions)
    worker = Worker(service, settings, subscriptions, performers or {}, due, parts)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop.set())
    if settings.metrics_port:
        Signs(settings.host, settings.metrics_port, worker.health)
    sys.exit(worker.run())


class Worker:
    """The parts of a worker as threads; used as it is by tests."""

    def __init__(
        self,
        service: Service,
        settings: Settings,
        subscriptions: Subscriptions,
        performers: Mapping[str, intents.Performer],
        due: Sequence[Task] = (),
        parts: Parts = lambda _service, _stop: {},
    ) -> None:
        self.stop = threading.Event()
        self._service = service
        self._settings = settings
        self._subscriptions = subscriptions
        self._performers = performers
        self._tasks = due
        self._own_parts = parts
        self._moving: Sequence[Subscription] = ()
        self._failed = False
        self.health = Health(
            [
                readiness.database(settings.database_url, service.versions),
                readiness.kafka(service.kafka, service.events_topic),
            ]
        )

    def run(self) -> int:
        """Run all parts until ``stop`` is set or one of them fails; gives the process's exit status."""
        with self.health.running():
            return self._run()

    def _run(self) -> int:
        collect_seldom()
        self._until_ready(self._ensure_topics)
        self._until_ready(self._register)
        if self._tasks:
            self._until_ready(self._begin)
        # Daemons, so that one that hangs doesn't keep the process from ending.
        threads = [
            threading.Thread(target=self._guard, args=(name, part), name=name, daemon=True)
            for name, part in self._parts()
        ]
        for thread in threads:
            thread.start()
        self.stop.wait()
        self._await(threads)
        self._service.wakeup.close()
        self._service.engine.dispose()
        return 1 if self._failed else 0

    def _await(self, threads: Sequence[threading.Thread]) -> None:
        """Let the parts finish what they have in hand, all of them together no longer than ``STOP_SECONDS``."""
        end = time.monotonic() + STOP_SECONDS
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        if hanging := [thread.name for thread in threads if thread.is_alive()]:
            log.error("worker.hangs", parts=hanging)
            self._failed = True

    def _parts(self) -> list[tuple[str, Callable[[], None]]]:
        parts: list[tuple[str, Callable[[], None]]] = [
            ("relay", Relay(self._service, self.stop, self._settings.heads_seconds).run),
            ("audit", chain.Chainer(self._service, self.stop).run),
            ("upkeep", self._upkeep),
        ]
        for subscription in self._moving:
            consumer = SubscriptionConsumer(self._service, subscription, self._subscriptions.sources, self.stop)
            parts.append((subscription.name, consumer.run))
        if self._tasks:
            through = {each.name: moving.name for moving in self._moving for each in moving.slices}
            parts.append(("tasks", Tasks(self._service, self._tasks, through, self.stop).run))
        parts += self._own_parts(self._service, self.stop).items()
        if self._performers:
            parts.append(("intents", intents.Intents(self._service, self._performers, self.stop).run))
        return parts

    def _guard(self, name: str, part: Callable[[], None]) -> None:
        try:
            with self.health.part(name):
                self._until_stopped(name, part)
        except Exception:
            log.exception("worker.part_failed", part=name)
            self._failed = True
            self.stop.set()

    def _until_stopped(self, name: str, part: Callable[[], None]) -> None:
        try:
            part()
        except Stopped as error:
            # The rest goes on: what this service publishes must not wait for what it hears.
            metrics.CONSUMER_STOPPED.labels(name).set(1)
            self.health.waits_for_a_person(name, str(error))
            log.error("consumer.stopped", subscription=name, why=str(error))

    def _until_ready(self, action: Callable[[], None]) -> None:
        while not self.stop.is_set():
            try:
                action()
                return
            except (KafkaException, SQLAlchemyError, faults.FaultRaised) as error:
                log.warning("worker.waits", error=type(error).__name__)
                self.stop.wait(1.0)

    def _ensure_topics(self) -> None:
        settings = self._settings
        topics.ensure(
            settings.kafka, settings.service, partitions=settings.partitions, replication=settings.replication
        )

    def _register(self) -> None:
        self._moving = self._service.transact(
            self._service.itself,
            lambda work: register(work, self._subscriptions, self._service, self._settings.parked_share),
        )

    def _begin(self) -> None:
        for subscription in self._moving:
            SubscriptionConsumer(self._service, subscription, self._subscriptions.sources, self.stop).begin()

    def _upkeep(self) -> None:
        rounds = 0
        while not self.stop.wait(UPKEEP_SECONDS):
            try:
                alive()
                with Session(self._service.engine) as session:
                    take_measures(session, self._service.clock(), [task.name for task in self._tasks])
                if rounds % FORGET_EVERY == 0:
                    self._service.transact(self._service.itself, commands.forget_old)
                    life = timedelta(seconds=self._settings.longest_token_seconds)
                    self._service.transact(self._service.itself, lambda work, of=life: forget_ended(work, of))  # type: ignore[misc]
                    # An erased member's key that a frozen relay sent after its mark is found and marked again.
                    keyreader.catch_up(self._service, [self._service.name])
                rounds += 1
            except (SQLAlchemyError, KafkaException, ReadTimedOut, LogTooShort, faults.FaultRaised) as error:
                log.warning("upkeep.interrupted", error=type(error).__name__)


def register(work: Work, subscriptions: Subscriptions, service: Service, parked_share: float) -> list[Subscription]:
    """Decide through which subscription each slice moves: all of a first start through one, later ones alone.

    Raises ``SliceChanged`` when a slice hears a type that it let pass before: that part of the log would be
    missing from it for ever.
    """
    work.session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('heard', 0))"))
    known = {row.slice: row for row in work.session.execute(select(heard))}
    through: dict[str, list[Slice]] = {}
    for each in subscriptions.slices:
        row = known.get(each.name)
        if row is None:
            name = each.name if known else MAIN
            work.session.execute(heard.insert().values(slice=each.name, subscription=name, types=sorted(each.handlers)))
        else:
            name = row.subscription
            _check_types(each, set(row.types))
        through.setdefault(name, []).append(each)
    return [Subscription(name, tuple(slices), service.keks, parked_share) for name, slices in through.items()]


def _check_types(each: Slice, before: set[str]) -> None:
    new = set(each.handlers) - before
    if new and EVERYTHING not in before:
        raise SliceChanged(
            f"slice {each.name} now also hears {', '.join(sorted(new))}, which it let pass so far. Give the slice a "
            f"new name, or run the command 'rebuild', which plays the log to it again"
        )


def moving(
    session: Session, subscriptions: Subscriptions, service: Service, parked_share: float
) -> Sequence[Subscription]:
    """The subscriptions as they are registered, for commands that work on parked streams."""
    known: dict[str, str] = {row.slice: row.subscription for row in session.execute(select(heard))}
    through: dict[str, list[Slice]] = {}
    for each in subscriptions.slices:
        if each.name in known:
            through.setdefault(known[each.name], []).append(each)
    return [Subscription(name, tuple(s), service.keks, parked_share) for name, s in through.items()]
