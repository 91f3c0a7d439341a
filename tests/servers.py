"""A Kafka and a PostgreSQL for the tests: named ones, containers, or embedded ones. Never none.

1. CRM_TEST_KAFKA_… (an administrator's settings, CRM_TEST_KAFKA_BOOTSTRAP_SERVERS at least) and CRM_TEST_DATABASE_URL
   (of a superuser) name servers to use;
2. where a container engine of this machine answers, testcontainers starts them;
3. else they run embedded, as in ``make run``, in a temporary folder.

A server to kill, freeze or restart is another thing: take ``deploy.local.kafka.Kafka`` or
``deploy.local.postgres.Postgres`` for that, in a folder of the test's own.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
import psycopg
from confluent_kafka.admin import AdminClient
from docker.errors import DockerException
from psycopg import sql
from sqlalchemy import URL, make_url
from testcontainers.core.container import DockerContainer

from deploy.local import kafka, layout, postgres
from shared.edge.settings import KAFKA_PREFIX, with_prefix
from shared.pipeline import topics

MAX_CONNECTIONS = 300
START_SECONDS = 120
DELETED_SECONDS = 20
ENGINE_ANSWER_SECONDS = 2
KAFKA_IMAGE = f"apache/kafka:{kafka.VERSION}"
TEST_KAFKA_PREFIX = "CRM_TEST_KAFKA_"
POSTGRES_IMAGE = f"postgres:{postgres.VERSION}"


@dataclass(frozen=True)
class KafkaServer:
    """A Kafka to use. It may have topics of others: take names of your own, or have them forgotten."""

    client: dict[str, str]
    """librdkafka's settings for an administrator's client."""

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make a service an administrator's client."""
        return _variables(KAFKA_PREFIX, self.client)

    @property
    def named(self) -> dict[str, str]:
        """The variables by which another run of tests uses the same Kafka."""
        return _variables(TEST_KAFKA_PREFIX, self.client)

    def forget(self, services: Iterable[str]) -> None:
        """Delete these services' topics, so that a new history can begin."""
        admin = AdminClient(dict(self.client))
        wanted = {service + kind for service in services for kind in (topics.EVENTS, topics.KEYS)}
        present = sorted(wanted & set(admin.list_topics(timeout=10).topics))
        for future in admin.delete_topics(present).values() if present else ():
            future.result()
        deadline = time.monotonic() + DELETED_SECONDS
        while wanted & set(admin.list_topics(timeout=10).topics):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{', '.join(present)} weren't deleted in {DELETED_SECONDS} s")
            time.sleep(0.01)


class PostgresServer:
    """A PostgreSQL to use, and the databases that were made in it."""

    def __init__(self, admin_url: str) -> None:
        self._url = make_url(admin_url).set(drivername="postgresql+psycopg")
        self._made: list[str] = []

    @property
    def admin_url(self) -> str:
        """The superuser's URL, for SQLAlchemy."""
        return _text(self._url)

    @property
    def conninfo(self) -> str:
        """The superuser's URL, for psycopg."""
        return _text(self._url.set(drivername="postgresql"))

    def database(self, name: str) -> str:
        """The URL, for SQLAlchemy, of a new empty database whose name begins with ``name``."""
        unique = f"{name}_{uuid.uuid4().hex[:12]}"
        with self.connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(unique)))
        self._made.append(unique)
        return _text(self._url.set(database=unique))

    def drop(self) -> None:
        """Drop the databases that ``database`` made, whoever is still connected."""
        with self.connect() as connection:
            while self._made:
                name = sql.Identifier(self._made.pop())
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    def connect(self) -> psycopg.Connection:
        """A superuser's connection in autocommit mode."""
        return psycopg.connect(self.conninfo, autocommit=True, connect_timeout=5)


@contextmanager
def kafka_server(environ: Mapping[str, str] = os.environ) -> Iterator[KafkaServer]:
    """A Kafka that answers; stopped at the end if it was started here."""
    named = with_prefix(environ, TEST_KAFKA_PREFIX)
    if named:
        if not kafka.answers(named):
            where = named.get("bootstrap.servers")
            raise RuntimeError(f"No Kafka answers at CRM_TEST_KAFKA_BOOTSTRAP_SERVERS={where}.")
        yield KafkaServer(named)
        return
    contained = _contained(_kafka_container)
    if contained:
        with contained as address:
            yield KafkaServer(kafka.client_settings(address, kafka.ADMIN, contained.password))
        return
    with _folder() as folder:
        embedded = kafka.Kafka(folder / "kafka", folder / "secrets")
        embedded.start(START_SECONDS)
        try:
            yield KafkaServer(embedded.client)
        finally:
            embedded.stop()


@contextmanager
def postgres_server(environ: Mapping[str, str] = os.environ) -> Iterator[PostgresServer]:
    """A PostgreSQL that answers. At the end its new databases are dropped, and it is stopped if it was
    started here."""
    with _postgres_url(environ) as url:
        server = PostgresServer(url)
        server.connect().close()
        try:
            yield server
        finally:
            server.drop()


@contextmanager
def _postgres_url(environ: Mapping[str, str]) -> Iterator[str]:
    named = environ.get("CRM_TEST_DATABASE_URL")
    if named:
        yield named
        return
    contained = _contained(_postgres_container)
    if contained:
        with contained as url:
            yield url
        return
    with _folder() as folder:
        embedded = postgres.Postgres(folder / "postgres", folder / "secrets", max_connections=MAX_CONNECTIONS)
        embedded.start(START_SECONDS)
        try:
            yield embedded.admin_url
        finally:
            embedded.stop()
            embedded.delete()


def engine_answers() -> bool:
    """Whether a container engine of this machine answers at once."""
    try:
        client = docker.from_env(timeout=ENGINE_ANSWER_SECONDS)
    except DockerException:
        return False
    try:
        return client.api.base_url.startswith("http+docker://") and bool(client.ping())
    except (DockerException, OSError):
        return False
    finally:
        client.close()


def _contained(make: Callable[[int, str], tuple[DockerContainer, str, Callable[[], bool]]]) -> _Contained | None:
    """A server in a container, or None when the engine or its image isn't to be had."""
    if not engine_answers():
        return None
    password = secrets.token_hex(16)
    container, address, is_ready = make(layout.free_port(), password)
    try:
        container.start()
        deadline = time.monotonic() + START_SECONDS
        while not is_ready():
            container.reload()
            if container.status == "exited":
                raise ChildProcessError(f"{container.image} ended: {container.get_logs()[1].decode()[-500:]}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{container.image} didn't answer in {START_SECONDS} s")
            time.sleep(0.2)
    except (DockerException, OSError) as error:
        container.stop()
        warnings.warn(f"No container, an embedded server instead: {error}", stacklevel=2)
        return None
    return _Contained(container, address, password)


@dataclass(frozen=True)
class _Contained:
    container: DockerContainer
    address: str
    password: str

    def __enter__(self) -> str:
        return self.address

    def __exit__(self, *_: object) -> None:
        self.container.stop()


def _published(image: str, inner_port: int, port: int) -> DockerContainer:
    container = DockerContainer(image)
    container.ports[f"{inner_port}/tcp"] = (layout.HOST, port)  # type: ignore[assignment]
    return container


def _kafka_container(port: int, password: str) -> tuple[DockerContainer, str, Callable[[], bool]]:
    address = f"{layout.HOST}:{port}"
    passwords = kafka.Passwords(password, secrets.token_hex(16))
    settings = kafka.node_settings("0.0.0.0", 9092, 9093, address, passwords) | {"log.dirs": "/tmp/kafka"}
    container = _published(KAFKA_IMAGE, 9092, port)
    container.with_env("PROPERTIES", "\n".join(f"{name}={value}" for name, value in settings.items()))
    container.with_env("ADMIN", kafka.scram_argument(kafka.ADMIN, password))
    container.with_command(["bash", "-ec", _IN_CONTAINER])
    return container, address, lambda: kafka.answers(kafka.client_settings(address, kafka.ADMIN, password))


# The image's own start knows no way to make a user before the first one can be let in.
_IN_CONTAINER = """
printenv PROPERTIES > /tmp/server.properties
cd /opt/kafka/bin
./kafka-storage.sh format -t "$(./kafka-storage.sh random-uuid)" -c /tmp/server.properties --add-scram "$ADMIN"
exec ./kafka-server-start.sh /tmp/server.properties
"""


def _postgres_container(port: int, password: str) -> tuple[DockerContainer, str, Callable[[], bool]]:
    url = URL.create("postgresql+psycopg", "postgres", password, layout.HOST, port, "postgres")
    container = _published(POSTGRES_IMAGE, 5432, port).with_env("POSTGRES_PASSWORD", str(url.password))
    container.with_command(["postgres", "-c", f"max_connections={MAX_CONNECTIONS}"])

    def is_ready() -> bool:
        try:
            PostgresServer(_text(url)).connect().close()
        except psycopg.OperationalError:
            return False
        return True

    return container, _text(url), is_ready


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="crm-test-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)  # lets root's PostgreSQL, another user, pass through
        yield Path(name)


def _variables(prefix: str, client: Mapping[str, str]) -> dict[str, str]:
    return {prefix + name.upper().replace(".", "_"): value for name, value in client.items()}


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
