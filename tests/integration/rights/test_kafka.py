"""What each service may do in Kafka, tried."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from deploy.kafka import acls
from deploy.local import kafka as local
from deploy.local.kafka import Kafka
from deploy.local.layout import HOST, ROOT
from services.callcenter.streams import messages
from shared.edge.settings import SERVICES
from shared.pipeline import reading, topics

SECONDS = 10
DENIED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}


@pytest.fixture(scope="module", autouse=True)
def laid_out(broker: Kafka) -> None:
    """Each service has its topics, and has said something."""
    for service in SERVICES:
        client = broker.client_of(service)
        topics.ensure(client, service, partitions=2, replication=1)
        for kind in (topics.EVENTS, topics.KEYS):
            assert write(client, service + kind) is None
    messages.ensure_topic(broker.client_of("callcenter"), 1)
    assert write(broker.client_of("callcenter"), messages.TOPIC) is None


def write(client: dict[str, str], topic: str) -> int | None:
    """Produce as the services do; gives the error's code."""
    producer = Producer({**client, "enable.idempotence": True, "message.timeout.ms": SECONDS * 1000})
    errors: list[int | None] = []
    producer.produce(topic, b"value", b"key", on_delivery=lambda e, _: errors.append(e.code() if e else None))
    producer.flush(SECONDS)
    return errors[0]


def read(client: dict[str, str], topic: str, group: str) -> int | None:
    """Consume as a member of a group; gives the error's code, or None once something came."""
    consumer = Consumer({**client, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False})
    try:
        consumer.subscribe([topic])
        message = consumer.poll(SECONDS)
        assert message is not None, f"nothing came of {topic}"
        error = message.error()
        if error is None:
            consumer.commit(message=message, asynchronous=False)
        return error.code() if error else None
    except KafkaException as failed:
        return int(failed.args[0].code())
    finally:
        consumer.close()


def codes(futures: Iterable[Any]) -> list[int | None]:
    """The error's code of each answer, None where it was done."""
    found: list[int | None] = []
    for future in futures:
        try:
            future.result(SECONDS)
            found.append(None)
        except KafkaException as error:
            found.append(error.args[0].code())
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_only_its_owner_writes_a_topic(service: str, broker: Kafka) -> None:
    for owner in SERVICES:
        for kind in (topics.EVENTS, topics.KEYS):
            done = write(broker.client_of(service), owner + kind)
            assert (done is None) == (owner == service), f"{service} writes {owner}{kind}: {done}"
            assert done in (None, KafkaError.TOPIC_AUTHORIZATION_FAILED)


@pytest.mark.parametrize("service", SERVICES)
def test_everybody_reads_events_and_keys_and_nobody_a_neighbours_signals(service: str, broker: Kafka) -> None:
    client = broker.client_of(service)
    for owner in SERVICES:
        for kind in (topics.EVENTS, topics.KEYS):
            assert read(client, owner + kind, f"{service}.{uuid.uuid4().hex}") is None
            assert any(reading.stretch(client, owner + kind, {})), "from a place of its own"
    denied = read(client, messages.TOPIC, f"{service}.main")
    assert denied == (None if service == "callcenter" else KafkaError.TOPIC_AUTHORIZATION_FAILED)


def test_a_service_that_is_not_there_is_missed_and_not_forbidden(tmp_path: Path) -> None:
    """A block may be installed later: until then each asks again whether it has a topic."""
    server = Kafka(tmp_path / "kafka", tmp_path / "secrets")
    server.start()
    try:
        server.admit(["sync"])
        admin = AdminClient(dict(server.client_of("sync")))
        assert topics.partitions_of(admin, "sfa.events") == []
        with pytest.raises(KafkaException):
            topics.partitions_of(admin, "callcenter.signals")
    finally:
        server.kill()


def test_a_foreign_group_is_refused(broker: Kafka) -> None:
    client = broker.client_of("marketing")
    for group in ("sync.main", "main", "marketing", "reader", "marketingish.main"):
        assert read(client, "sync.events", group) == KafkaError.GROUP_AUTHORIZATION_FAILED, group
    admin = AdminClient(dict(client))
    assert codes(admin.delete_consumer_groups(["sync.main"]).values()) == [KafkaError.GROUP_AUTHORIZATION_FAILED]


@pytest.mark.parametrize("topic", ["sync.more", "syncs.events", "sync", "more", "marketingish.events"])
def test_a_foreign_topic_can_not_be_made(topic: str, broker: Kafka) -> None:
    admin = AdminClient(dict(broker.client_of("marketing")))
    made = admin.create_topics([NewTopic(topic, 1, 1), NewTopic("marketing.more", 1, 1)], operation_timeout=SECONDS)
    assert codes([made[topic]]) == [KafkaError.TOPIC_AUTHORIZATION_FAILED]
    assert codes([made["marketing.more"]])[0] in (None, KafkaError.TOPIC_ALREADY_EXISTS)
    assert topic not in AdminClient(dict(broker.client)).list_topics(timeout=SECONDS).topics


def _delete_topic(admin: AdminClient) -> Iterable[Any]:
    return admin.delete_topics(["sync.events"]).values()


def _delete_records(admin: AdminClient) -> Iterable[Any]:
    return admin.delete_records([TopicPartition("sync.events", 0, 1)]).values()


def _add_partitions(admin: AdminClient) -> Iterable[Any]:
    return admin.create_partitions([NewPartitions("sync.events", 24)]).values()


def _keep_shorter(admin: AdminClient) -> Iterable[Any]:
    shorter = ConfigEntry("retention.ms", "1", incremental_operation=AlterConfigOpType.SET)
    changed = ConfigResource(ResourceType.TOPIC, "sync.events", incremental_configs=[shorter])
    return admin.incremental_alter_configs([changed]).values()


def _allow_all(admin: AdminClient) -> Iterable[Any]:
    everything = AclBinding(
        ResourceType.TOPIC,
        "*",
        ResourcePatternType.LITERAL,
        "User:*",
        "*",
        AclOperation.ALL,
        AclPermissionType.ALLOW,
    )
    return admin.create_acls([everything]).values()


def _delete_rules(admin: AdminClient) -> Iterable[Any]:
    every = AclBindingFilter(
        ResourceType.ANY,
        None,  # type: ignore[arg-type]
        ResourcePatternType.ANY,
        "User:callcenter",
        None,  # type: ignore[arg-type]
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    return admin.delete_acls([every]).values()


def _change_password(admin: AdminClient) -> Iterable[Any]:
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096)
    return admin.alter_user_scram_credentials([UserScramCredentialUpsertion("admin", info, b"mine")]).values()


@pytest.mark.parametrize("service", ["callcenter", "sync"])
@pytest.mark.parametrize(
    "attempt",
    [
        _delete_topic,
        _delete_records,
        _add_partitions,
        _keep_shorter,
        _allow_all,
        _delete_rules,
        _change_password,
    ],
)
def test_no_service_administers_the_log_not_even_its_own(
    service: str, attempt: Callable[[AdminClient], Iterable[Any]], broker: Kafka
) -> None:
    admin = AdminClient(dict(broker.client_of(service)))
    [denied] = codes(attempt(admin))
    assert denied in DENIED
    assert local.answers(broker.client)


@pytest.mark.parametrize(
    "who",
    [
        {"security.protocol": "PLAINTEXT"},
        {"sasl.password": "guessed"},
        {"sasl.username": "nobody"},
        {"sasl.mechanism": "PLAIN"},
        {"sasl.username": "controller"},
    ],
    ids=str,
)
def test_who_can_not_say_who_he_is_gets_nothing(who: dict[str, str], broker: Kafka) -> None:
    client = broker.client | who
    if "security.protocol" in who:
        client = {"bootstrap.servers": broker.bootstrap_servers}
    assert local.answers(broker.client)
    assert not local.answers(client)


def test_the_controllers_port_is_closed_as_well(broker: Kafka) -> None:
    there = {"bootstrap.servers": f"{HOST}:{broker.controller_port}"}
    for client in (
        there,
        broker.client | there,
        broker.client | there | {"sasl.mechanism": "PLAIN"},
        broker.client_of("sync") | there | {"sasl.mechanism": "PLAIN"},
    ):
        assert not local.answers(client)


def test_a_user_without_a_rule_may_do_nothing(broker: Kafka) -> None:
    """What isn't allowed is denied: it isn't the rules that deny."""
    broker.admit(["stranger"])
    client = broker.client_of("stranger")
    _take_away(AdminClient(dict(broker.client)), "User:stranger")
    assert read(client, "sync.events", "stranger.main") == KafkaError.GROUP_AUTHORIZATION_FAILED
    assert write(client, "stranger.events") is not None
    assert AdminClient(dict(client)).list_topics(timeout=SECONDS).topics == {}


def _take_away(admin: AdminClient, principal: str) -> None:
    every = AclBindingFilter(
        ResourceType.ANY,
        None,  # type: ignore[arg-type]
        ResourcePatternType.ANY,
        principal,
        None,  # type: ignore[arg-type]
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    assert codes(admin.delete_acls([every]).values()) == [None]


def test_applying_the_rules_takes_away_what_is_not_among_them(broker: Kafka) -> None:
    admin = AdminClient(dict(broker.client))
    [beyond] = acls.Rule("sfa", (AclOperation.WRITE,), ResourceType.TOPIC, "sync.events").bindings()
    assert codes(admin.create_acls([beyond]).values()) == [None]
    assert write(broker.client_of("sfa"), "sync.events") is None

    assert acls.apply(admin) == (0, 1)
    assert acls.apply(admin) == (0, 0)
    assert write(broker.client_of("sfa"), "sync.events") == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_the_command_prints_the_rules_and_applies_them(broker: Kafka) -> None:
    admin = AdminClient(dict(broker.client))
    _take_away(admin, "User:marketing")
    told = {"CRM_KAFKA_" + name.upper().replace(".", "_"): value for name, value in broker.client.items()}
    command = [sys.executable, "-m", "deploy.kafka"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert (
        "--add --allow-principal User:sync --operation Create --operation Write "
        "--topic sync. --resource-pattern-type prefixed\n"
    ) in printed
    assert len(printed.splitlines()) == len(acls.rules())
    done = subprocess.run([*command, "--apply"], cwd=ROOT, env=told, capture_output=True, text=True)
    count = sum(len(rule.operations) for rule in acls.rules_of("marketing"))
    assert (done.returncode, done.stdout) == (0, f"{count} rights added, 0 taken away\n"), done.stderr


def test_the_rules_speak_of_the_services_and_topics_that_there_are() -> None:
    assert acls.SERVICES == SERVICES
    assert acls.READ_BY_ALL == (topics.EVENTS, topics.KEYS)
    assert f"callcenter{acls.OWN_ALONE}" == messages.TOPIC


def test_no_password_stands_where_others_read_it(broker: Kafka) -> None:
    assert broker.process is not None
    passwords = [path.read_text() for path in broker.secrets.glob("kafka-*")]
    assert len(passwords) >= len(SERVICES) + 2
    line = Path(f"/proc/{broker.process.pid}/cmdline").read_text()
    said = line + broker.log.read_text() + local.scram_argument("admin", passwords[0])
    assert not [password for password in passwords if password in said]
    assert (broker.folder / "server.properties").stat().st_mode & 0o777 == 0o600
    assert broker.folder.stat().st_mode & 0o777 == 0o700  # what it keeps has their hashes
