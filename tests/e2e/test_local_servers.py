"""The embedded Kafka and PostgreSQL: that they work, survive, keep what they have, and leave nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from deploy.local import layout, postgres, unprivileged
from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres
from shared.edge.settings import kafka_settings
from tests.e2e.local_checkout import Checkout, Started, wait_until

UP = "Ctrl-C stops them."
EVENTS = "callcenter.events"


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    """A checkout that runs its own servers."""
    made = Checkout(tmp_path)
    yield made
    assert made.call("reset")[0] == 0


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[Postgres]:
    """A PostgreSQL in a folder that only its owner may enter."""
    tmp_path.chmod(0o700)
    server = Postgres(tmp_path / "postgres", tmp_path / "secrets")
    server.start()
    yield server
    server.stop()
    server.delete()


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[Kafka]:
    """A Kafka of this test's own."""
    server = Kafka(tmp_path / "kafka", tmp_path / "secrets")
    server.start()
    yield server
    server.stop()


def told(started: Started) -> dict[str, str]:
    """The variables that ``servers`` printed."""
    lines = [line for line in started.output.splitlines() if line.startswith("export ")]
    return {name: value.strip("'") for name, _, value in (line[7:].partition("=") for line in lines)}


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True, connect_timeout=5)


def put(client: dict[str, str], topic: str, value: bytes) -> None:
    producer = Producer({**client, "acks": "all"})
    producer.produce(topic, value)
    assert producer.flush(30) == 0


def everything_in(client: dict[str, str], topic: str, count: int) -> list[bytes]:
    consumer = Consumer({**client, "group.id": f"callcenter.{uuid.uuid4()}", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    messages = consumer.consume(count, timeout=120)
    consumer.close()
    return [message.value() or b"" for message in messages]


def make_topic(client: dict[str, str], topic: str) -> None:
    admin = AdminClient(dict(client))
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)


def test_servers_keep_what_they_have_until_a_reset(checkout: Checkout) -> None:
    started = checkout.start("servers")
    started.wait_for(UP)
    environment = told(started)
    kafka = kafka_settings(environment, "callcenter")
    make_topic(kafka, EVENTS)
    put(kafka, EVENTS, b"one")
    with connect(environment["CRM_SYNC_DATABASE_URL"]) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    assert started.signal(signal.SIGINT) == 0
    assert checkout.processes() == []

    started = checkout.start("servers")
    started.wait_for(UP)
    assert told(started) == environment
    assert everything_in(kafka, EVENTS, 1) == [b"one"]
    with connect(environment["CRM_SYNC_DATABASE_URL"]) as connection:
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)

    code, said = checkout.call("reset")
    assert code == 0, said
    assert started.wait() == 0
    assert checkout.processes() == []
    assert [path.name for path in checkout.state.iterdir()] == ["run.lock"]


def test_each_service_has_its_own_database_and_no_other(checkout: Checkout) -> None:
    started = checkout.start("servers")
    started.wait_for(UP)
    environment = told(started)
    with connect(environment["CRM_CALLCENTER_DATABASE_URL"]) as connection:
        assert connection.execute("SELECT current_user, current_database()").fetchone() == (
            "callcenter",
            "callcenter",
        )
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
    own, _, _ = environment["CRM_CALLCENTER_DATABASE_URL"].rpartition("/")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        connect(f"{own}/sync")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(environment["CRM_CALLCENTER_DATABASE_URL"].replace("@", "x@"))
    secrets = list((checkout.state / "secrets").iterdir())
    assert secrets
    assert {path.stat().st_mode & 0o777 for path in secrets} == {0o600}
    started.signal(signal.SIGINT)


def test_servers_listen_on_this_machine_only(checkout: Checkout) -> None:
    started = checkout.start("servers")
    started.wait_for(UP)
    ports = {int(checkout.environment[layout.port_variable(part)]) for part in layout.SERVER_PORTS}
    addresses = {
        connection.laddr.ip.removeprefix("::ffff:")
        for connection in psutil.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port in ports
    }
    assert addresses == {"127.0.0.1"}
    started.signal(signal.SIGINT)


def test_a_server_that_dies_comes_back(checkout: Checkout) -> None:
    started = checkout.start("servers")
    started.wait_for(UP)
    environment = told(started)
    for line in checkout.processes():
        if "kafka.Kafka" in line or "/bin/postgres" in line:
            os.kill(int(line.split()[0]), signal.SIGKILL)

    wait_until(lambda: _answers(environment), "both answer again", lambda: started.output)
    started.signal(signal.SIGINT)
    assert checkout.processes() == []


def _answers(environment: dict[str, str]) -> bool:
    try:
        connect(environment["CRM_SYNC_DATABASE_URL"]).close()
        admin = AdminClient(dict(kafka_settings(environment, "callcenter")))
        return bool(admin.list_topics(timeout=10).brokers)
    except (psycopg.OperationalError, KafkaException):
        return False


@pytest.mark.parametrize("stage", ["kafka: data folder", "postgres: answers"])
def test_a_signal_while_servers_start_leaves_none(checkout: Checkout, stage: str) -> None:
    started = checkout.start("servers")
    started.wait_for(stage)
    assert started.signal(signal.SIGTERM) == 128 + signal.SIGTERM
    assert checkout.processes() == []


def test_data_of_another_version_is_left_alone(checkout: Checkout) -> None:
    started = checkout.start("servers")
    started.wait_for(UP)
    started.signal(signal.SIGINT)
    note = checkout.state / "versions.json"
    note.write_text(json.dumps(json.loads(note.read_text()) | {"kafka": "3.9.0"}))

    code, said = checkout.call("servers")
    assert code == 1
    assert "is of another version" in said
    assert "make reset" in said
    assert (checkout.state / "kafka").exists()


def test_postgres_runs_without_privileges_in_a_closed_folder(own_postgres: Postgres) -> None:
    assert own_postgres.process is not None
    uids = psutil.Process(own_postgres.process.pid).uids()
    assert 0 not in (uids.real, uids.effective, uids.saved)
    assert own_postgres.is_ready()


def test_postgres_runs_from_packages_that_only_their_owner_may_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a checkout below root's home: its user can reach neither the programs nor the data folder."""
    package = postgres.installation().parent
    closed = tmp_path / "closed"
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, closed / part.name, symlinks=True)
    closed.chmod(0o700)
    monkeypatch.setattr(postgres, "installation", lambda: closed / package.name / f"pginstall{postgres.VERSION}")
    with tempfile.TemporaryDirectory() as outside:
        Path(outside).chmod(0o755)
        monkeypatch.setattr(unprivileged, "OUTSIDE", Path(outside))
        server = Postgres(closed / "postgres", closed / "secrets")
        server.start()
        assert server.is_ready()
        server.stop()
        server.delete()
    assert closed.stat().st_mode & 0o777 == 0o700


def test_postgres_keeps_what_was_committed_when_it_is_killed(own_postgres: Postgres) -> None:
    url = own_postgres.ensure_database("callcenter")
    with connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS one")
    own_postgres.kill()
    own_postgres.start()
    with connect(own_postgres.ensure_database("callcenter")) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1000,)


def test_a_server_ends_with_a_test_run_that_is_killed(tmp_path: Path) -> None:
    starter = (
        "import sys, pathlib, time; from deploy.local.postgres import Postgres;"
        "folder = pathlib.Path(sys.argv[1]); server = Postgres(folder / 'postgres', folder / 'secrets');"
        "server.start(); print(server.process.pid, flush=True); time.sleep(60)"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", starter, str(tmp_path)], cwd=layout.ROOT, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    server = psutil.Process(int(run.stdout.readline()))
    run.kill()
    run.communicate()
    wait_until(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE, "it ends")
    unprivileged.remove(tmp_path / "postgres")


def test_a_paused_postgres_answers_nobody_and_then_goes_on(own_postgres: Postgres) -> None:
    own_postgres.pause()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(own_postgres.admin_url.replace("+psycopg", ""), connect_timeout=2)
    own_postgres.resume()
    assert own_postgres.is_ready()


def test_kafka_keeps_what_was_acknowledged_when_it_is_killed(own_kafka: Kafka) -> None:
    make_topic(own_kafka.client, "events")
    put(own_kafka.client, "events", b"one")
    own_kafka.kill()
    own_kafka.start()
    put(own_kafka.client, "events", b"two")
    assert everything_in(own_kafka.client, "events", 2) == [b"one", b"two"]


def test_a_paused_kafka_answers_nobody_and_then_goes_on(own_kafka: Kafka) -> None:
    own_kafka.pause()
    assert not own_kafka.is_ready()
    own_kafka.resume()
    own_kafka.wait_ready(30)


def test_kafka_makes_no_topic_by_itself(own_kafka: Kafka) -> None:
    producer = Producer({**own_kafka.client, "message.timeout.ms": 3000})
    errors: list[KafkaError | None] = []
    producer.produce("mistyped", b"one", on_delivery=lambda error, _: errors.append(error))
    producer.flush(30)
    assert [error is not None for error in errors] == [True]
    topics = AdminClient(dict(own_kafka.client)).list_topics(timeout=10).topics
    assert "mistyped" not in topics
