"""Which servers the tests get."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import make_url

from deploy.local import layout
from tests import servers
from tests.servers import KafkaServer, PostgresServer, kafka_server, postgres_server


def test_named_servers_come_first(kafka: KafkaServer, postgres: PostgresServer) -> None:
    named = {
        **kafka.named,
        "CRM_TEST_DATABASE_URL": postgres.conninfo,
    }
    with kafka_server(named) as same_kafka, postgres_server(named) as same_postgres:
        assert same_kafka == kafka
        assert same_postgres.admin_url == postgres.admin_url


def test_a_named_server_that_does_not_answer_is_an_error() -> None:
    nobody = f"127.0.0.1:{layout.free_port()}"
    with (
        pytest.raises(RuntimeError, match="No Kafka answers at CRM_TEST_KAFKA_BOOTSTRAP_SERVERS"),
        kafka_server({"CRM_TEST_KAFKA_BOOTSTRAP_SERVERS": nobody}),
    ):
        pass
    with (
        pytest.raises(psycopg.OperationalError),
        postgres_server({"CRM_TEST_DATABASE_URL": f"postgresql://postgres:x@{nobody}/postgres"}),
    ):
        pass


def test_each_database_is_new_and_dropped_at_the_end(postgres: PostgresServer) -> None:
    with postgres_server({"CRM_TEST_DATABASE_URL": postgres.admin_url}) as server:
        first, second = server.database("mine"), server.database("mine")
        assert first != second
        assert make_url(first).database.startswith("mine_")  # type: ignore[union-attr]
        left_open = psycopg.connect(first.replace("+psycopg", ""))
    with postgres.connect() as connection:
        found = connection.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'mine\\_%'").fetchone()
    left_open.close()
    assert found == (0,)


def test_an_engine_that_is_not_there_is_noticed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{layout.free_port()}")
    assert not servers.engine_answers()
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    assert not servers.engine_answers()


def test_many_may_connect(postgres: PostgresServer) -> None:
    with postgres.connect() as connection:
        row = connection.execute("SELECT current_setting('max_connections')::int").fetchone()
    assert row is not None
    assert row[0] >= 100
