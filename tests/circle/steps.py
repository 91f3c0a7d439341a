"""Services moved by hand, each with the real relay, consumers and tasks on a real Kafka and PostgreSQL, one step after
the other and without waiting: so that many histories can be played in a short time."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from fastapi.testclient import TestClient
from httpx import Response
from joserfc.jwk import OKPKey
from psycopg import sql
from sqlalchemy import make_url, text
from sqlalchemy.orm import Session

from shared.edge.settings import Settings
from shared.edge.wakeup import plain_url
from shared.pipeline import heads, migrate, topics, worker
from shared.pipeline.consumer import GUARANTEES, SubscriptionConsumer
from shared.pipeline.main import Block
from shared.pipeline.relay import Relay
from shared.pipeline.sending import Lines
from shared.pipeline.service import Service
from shared.pipeline.tasks import Tasks
from tests.builders import KEKS, LONG, Issuer, SetClock
from tests.servers import KafkaServer, PostgresServer

PARTITIONS = 2
CERTIFICATE_KEY = json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True))


@dataclass
class Stepped:
    """One service. ``step`` lets it send, hear and work out what there is."""

    block: Block
    settings: Settings
    service: Service
    stack: ExitStack
    issuer: Issuer
    consumers: list[tuple[SubscriptionConsumer, Consumer]] = field(default_factory=list)
    assigned: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        return self.block.name

    def __post_init__(self) -> None:
        settings, service = self.settings, self.service
        self.app = self.block.app(settings, service)
        topics.ensure(service.kafka, service.name, partitions=settings.partitions, replication=1)
        heard = self.block.subscriptions(settings)
        self._sources = heard.sources
        moving = service.transact(
            service.itself, lambda work: worker.register(work, heard, service, settings.parked_share)
        )
        stop = threading.Event()
        self._relay = Relay(service, stop)
        url = plain_url(service.engine.url.render_as_string(hide_password=False))
        self._connection = self.stack.enter_context(psycopg.connect(url, autocommit=True))
        self._reader = self.stack.enter_context(psycopg.connect(url, autocommit=True))
        self._lines = Lines(service)
        self.stack.callback(self._lines.close)
        through = {each.name: subscription.name for subscription in moving for each in subscription.slices}
        self._tasks = Tasks(service, self.block.tasks(settings), through, stop)
        for subscription in moving:
            consumer = Consumer({"fetch.wait.max.ms": 5, **service.kafka, **GUARANTEES, "group.id": "steps"})
            self.stack.callback(consumer.close)
            hearing = SubscriptionConsumer(service, subscription, self._sources, stop)
            hearing._note_absent_topics()
            self.consumers.append((hearing, consumer))

    def client(self, actor: str, *roles: str) -> TestClient:
        """The service's API, for an actor with these roles."""
        headers = {"authorization": f"Bearer {self.issuer.token(actor, *roles)}"}
        return TestClient(self.app, headers=headers, follow_redirects=False)

    def get(self, path: str, actor: str, *roles: str) -> Any:
        """What the API answers to a GET."""
        return _answer(self.client(actor, *roles).get(path))

    def post(self, path: str, body: object, actor: str, *roles: str) -> Any:
        """What the API answers to a command."""
        return _answer(self.client(actor, *roles).post(path, json=body))

    def report(self) -> None:
        """Say how far the service has come, as its relay does from time to time."""
        self.service.transact(self.service.itself, lambda work: heads.report(work, None))

    def step(self, ends: Mapping[str, Mapping[int, int]]) -> int:
        """Hear up to these ends, work out what is due, send; gives how much there was to do."""
        return self._hear(ends) + self._work_out() + self.send()

    def send(self) -> int:
        return self._relay.round(self._connection, self._reader, self._lines)

    def _work_out(self) -> int:
        done = total = self._tasks.round()
        while done:
            done = self._tasks.round()
            total += done
        return total

    def _hear(self, ends: Mapping[str, Mapping[int, int]]) -> int:
        heard = {topic: ends[topic] for topic in (s + topics.EVENTS for s in self._sources) if topic in ends}
        if heard.keys() != self.assigned:
            for hearing, consumer in self.consumers:
                hearing._assigned(consumer, [TopicPartition(t, p) for t, of in heard.items() for p in of])
            self.assigned = set(heard)
        total = 0
        for hearing, consumer in self.consumers:
            before = sum(hearing._next.values())
            deadline = time.monotonic() + 20
            while any(hearing._next[topic, p] < end for topic, of in heard.items() for p, end in of.items()):
                assert time.monotonic() < deadline, f"{self.name} doesn't get on: {hearing._next} {heard}"
                hearing._turn(consumer)
            total += sum(hearing._next.values()) - before
        return total

    def scalar(self, query: str, **values: object) -> object:
        """The one value that a query gives."""
        with Session(self.service.engine) as session:
            return session.execute(text(query), values).scalar_one()


@dataclass
class Steps:
    """A platform whose services join one after the other."""

    kafka: KafkaServer
    postgres: PostgresServer
    blocks: Mapping[str, Block]
    clock: SetClock
    stack: ExitStack
    templates: Mapping[str, str]
    issuer: Issuer
    joined: dict[str, Stepped] = field(default_factory=dict)

    def join(self, name: str) -> Stepped:
        """A block is installed and started."""
        url = _copied(self.postgres, self.templates[name])
        settings = _settings(self.blocks[name], url, self.kafka, self.issuer)
        service = Service.of(settings, process="steps", clock=self.clock)
        self.stack.callback(service.engine.dispose)
        self.stack.callback(service.wakeup.close)
        self.joined[name] = Stepped(self.blocks[name], settings, service, self.stack, self.issuer)
        return self.joined[name]

    def settle(self) -> None:
        """Until nobody has anything to send, to hear or to work out."""
        admin = AdminClient(dict(self.kafka.client))
        for each in self.joined.values():
            each.send()
        while sum(each.step(self._ends(admin)) for each in self.joined.values()):
            pass

    def _ends(self, admin: AdminClient) -> dict[str, dict[int, int]]:
        return {
            service.service.events_topic: topics.ends(admin, service.service.events_topic, range(PARTITIONS))
            for service in self.joined.values()
        }

    def __getitem__(self, name: str) -> Stepped:
        return self.joined[name]


def templates(postgres: PostgresServer, blocks: Iterable[Block]) -> dict[str, str]:
    """A migrated database for each block, to be copied."""
    made = {}
    for block in blocks:
        made[block.name] = postgres.database(f"{block.name}_template")
        migrate.upgrade(made[block.name], block.versions)
    return made


@contextmanager
def steps(
    kafka: KafkaServer,
    postgres: PostgresServer,
    blocks: Mapping[str, Block],
    from_templates: Mapping[str, str],
    clock: SetClock,
    issuer: Issuer,
) -> Iterator[Steps]:
    """A platform without a block yet, its topics new."""
    kafka.forget(blocks)
    with ExitStack() as stack:
        yield Steps(kafka, postgres, blocks, clock, stack, from_templates, issuer)


def _copied(postgres: PostgresServer, template: str) -> str:
    name = make_url(template).database
    assert name is not None
    url = postgres.database(name.removesuffix("_template"))
    copy = make_url(url).database
    assert copy is not None
    with postgres.connect() as connection:
        connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(copy)))
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY WAL_LOG").format(
                sql.Identifier(copy), sql.Identifier(name)
            )
        )
    return url


def _answer(response: Response) -> Any:
    assert response.status_code < 300, f"{response.request.method} {response.request.url}: {response.text}"
    return response.json()


def _settings(block: Block, url: str, kafka: KafkaServer, issuer: Issuer) -> Settings:
    return Settings.model_validate(
        {
            "service": block.name,
            "database_url": url,
            "kafka": kafka.client,
            "key_encryption_keys": KEKS,
            "port": 1,
            "token_issuer": issuer.name,
            "jwks_file": issuer.jwks_file,
            "longest_token_seconds": LONG,
            "partitions": PARTITIONS,
            "certificate_key": CERTIFICATE_KEY,
        }
    )
