"""Secrets stay where they were put: canaries in every secret setting, looked for in all that a service lets out."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from joserfc.jwk import OKPKey
from psycopg import sql
from sqlalchemy import make_url

from deploy.local.layout import HOST, ROOT, free_port
from shared.edge.settings import Settings, kafka_settings
from tests.builders import Issuer
from tests.servers import KafkaServer, PostgresServer

SECONDS = 60
SERVICE = "sync"
PASSWORD = "canary-of-the-database"
KEY = b"canary of the key encryption key"
CLIENT = "canary-of-the-client"
CERTIFICATE = OKPKey.generate_key("Ed25519").as_dict(private=True)
LATER = datetime.now(UTC) + timedelta(hours=1)


@dataclass
class Running:
    """A service's API and worker, with canaries for secrets."""

    environment: dict[str, str]
    log: Path
    url: str
    metrics: str
    processes: Sequence[subprocess.Popen[bytes]]
    token: str

    def until(self, what: Callable[[], bool]) -> None:
        end = time.monotonic() + SECONDS
        while not what():
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)

    def command(self, *arguments: str, **changed: str) -> str:
        """What a command of the service prints, whatever comes of it."""
        done = subprocess.run(
            [sys.executable, "-m", f"services.{SERVICE}", *arguments],
            env=self.environment | changed,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return done.stdout + done.stderr

    @property
    def secrets(self) -> dict[str, bytes]:
        """What must not be seen, in each form that it might take."""
        encoded = base64.b64encode(KEY)
        kafka = kafka_settings(self.environment, SERVICE).get("sasl.password", "")
        of_kafka = {"Kafka's password": kafka.encode()} if kafka else {}
        return {
            "the database's password": PASSWORD.encode(),
            "the key": KEY,
            "the key as it is set": encoded,
            "the key in hexadecimal": KEY.hex().encode(),
            "an access token": self.token.encode(),
            "the client's secret": CLIENT.encode(),
            "the key of certificates": str(CERTIFICATE["d"]).encode(),
            "a token's signature": self.token.rpartition(".")[2].encode(),
            **of_kafka,
        }

    def look_for_secrets(self, where: str, text: str | bytes) -> None:
        seen = text.encode() if isinstance(text, str) else text
        for name, secret in self.secrets.items():
            assert secret not in seen, f"{name} stands in {where}"


@pytest.fixture
def running(kafka: KafkaServer, postgres: PostgresServer, tmp_path: Path) -> Iterator[Running]:
    kafka.forget([SERVICE])
    port, metrics = free_port(), free_port()
    issuer = Issuer(tmp_path)
    with _role(postgres) as url:
        environment = {
            **os.environ,
            f"CRM_{SERVICE.upper()}_DATABASE_URL": url,
            f"CRM_{SERVICE.upper()}_PORT": str(port),
            f"CRM_{SERVICE.upper()}_METRICS_PORT": str(metrics),
            **kafka.environment,
            "CRM_KEY_ENCRYPTION_KEYS": "k1:" + base64.b64encode(KEY).decode(),
            "CRM_CERTIFICATE_KEY": json.dumps(CERTIFICATE),
            f"CRM_{SERVICE.upper()}_CLIENT_SECRET": CLIENT,
            "CRM_JWKS_FILE": str(issuer.jwks_file),
            "CRM_TOKEN_ISSUER": issuer.name,
        }
        log = tmp_path / "log"
        made = Running(environment, log, f"http://{HOST}:{port}", f"http://{HOST}:{metrics}", [], _token(issuer))
        assert made.command("migrate") == ""
        with log.open("ab") as output:
            made.processes = [
                subprocess.Popen(
                    [sys.executable, "-X", "faulthandler", "-m", f"services.{SERVICE}", part],
                    env=environment,
                    cwd=ROOT,
                    stdout=output,
                    stderr=output,
                )
                for part in ("api", "worker")
            ]
        try:
            made.until(lambda: _answers(f"{made.url}/readyz") and _answers(made.metrics))
            yield made
        finally:
            for process in made.processes:
                process.kill()
                process.wait(SECONDS)


def test_no_secret_comes_out(running: Running, postgres: PostgresServer, tmp_path: Path) -> None:
    for place, answer in _answers_of_all_kinds(running):
        running.look_for_secrets(place, answer)
    with postgres.connect() as connection:
        # What can't be reached is told of in the log, and where it is said to be is in the driver's errors.
        connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(_ROLE)))
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [_ROLE])
        running.until(lambda: b"OperationalError" in running.log.read_bytes())
        running.look_for_secrets("an answer without a database", _ask(running, "POST", "/customers/search").text)
        running.look_for_secrets("a command without a database", running.command("parked"))
        connection.execute(sql.SQL("ALTER ROLE {} LOGIN").format(sql.Identifier(_ROLE)))
    for process in running.processes:
        running.look_for_secrets("the list of processes", Path(f"/proc/{process.pid}/cmdline").read_bytes())
        process.send_signal(signal.SIGABRT)
        process.wait(SECONDS)
    assert b"Current thread" in running.log.read_bytes(), "no dump was made"
    running.look_for_secrets("the log with its dumps", running.log.read_bytes())
    running.look_for_secrets("a dump of the database", _rows(running))


def test_settings_that_are_wrong_are_named_without_their_values(running: Running) -> None:
    secret = base64.b64encode(KEY).decode()
    for wrong in (
        {"CRM_KEY_ENCRYPTION_KEYS": secret},
        {"CRM_KEY_ENCRYPTION_KEYS": f"k1:{secret}="},
        {f"CRM_{SERVICE.upper()}_DATABASE_URL": f"nothing://user:{PASSWORD}@{HOST}/none"},
        {f"CRM_{SERVICE.upper()}_DATABASE_URL": PASSWORD},
        {f"CRM_{SERVICE.upper()}_PORT": PASSWORD},
        {"CRM_CERTIFICATE_KEY": str(CERTIFICATE["d"])},
    ):
        told = running.command("parked", **wrong)
        assert told, f"{list(wrong)} was accepted"
        running.look_for_secrets(f"the answer to a wrong {next(iter(wrong))}", told)


def test_the_settings_that_are_secret_are_all_tried() -> None:
    """Whoever adds a secret to the settings adds its canary here."""
    hidden = {name for name, field in Settings.model_fields.items() if field.repr is False}
    assert hidden == {"certificate_key", "client_secret", "database_url", "kafka", "key_encryption_keys"}


_ROLE = "secret_keeper"


@contextmanager
def _role(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a new database, for a role with the canary as its password."""
    url = make_url(postgres.database(SERVICE))
    role, password = sql.Identifier(_ROLE), sql.Literal(PASSWORD)
    with postgres.connect() as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, password))
        assert url.database
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(url.database), role))
        try:
            yield url.set(username=_ROLE, password=PASSWORD).render_as_string(hide_password=False)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(url.database)))
            connection.execute(sql.SQL("DROP ROLE {}").format(role))


def _token(issuer: Issuer) -> str:
    return issuer.token("olga", "operator", expires=LATER)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _ask(running: Running, method: str, path: str, **more: object) -> httpx.Response:
    headers = {"authorization": f"Bearer {running.token}"}
    return httpx.request(method, running.url + path, headers=headers, trust_env=False, timeout=SECONDS, **more)  # type: ignore[arg-type]


def _answers_of_all_kinds(running: Running) -> Iterator[tuple[str, str]]:
    forged = running.token[:-8] + "AAAAAAAA"
    yield "the metrics", httpx.get(running.metrics, trust_env=False).text
    yield "the OpenAPI document", _ask(running, "GET", "/openapi.json").text
    yield "a page", _ask(running, "GET", "/").text
    yield "an answer that isn't found", _ask(running, "GET", "/customers/nobody").text
    yield "an answer to nonsense", _ask(running, "POST", "/customers/search", json={"name": 5}).text
    headers = {"authorization": f"Bearer {forged}", "cookie": f"crm_token={running.token}"}
    refused = httpx.get(f"{running.url}/customers/nobody", headers=headers, trust_env=False)
    assert refused.status_code == 401
    yield "a certificate's keys", _ask(running, "GET", "/certificates/keys").text
    yield "a refusal", refused.text + str(refused.headers)


def _rows(running: Running) -> bytes:
    """Every table, as text."""
    url = make_url(running.environment[f"CRM_{SERVICE.upper()}_DATABASE_URL"]).set(drivername="postgresql")
    told = []
    with psycopg.connect(url.render_as_string(hide_password=False)) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert tables
        for (table,) in tables:
            with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as copy:
                told += [bytes(part) for part in copy]
    return b"".join(told)
