"""What processes say of themselves is true, whatever is taken from them; and they end when they are told to."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, KeySet

from deploy.local import layout
from deploy.local.layout import HOST, free_port
from deploy.local.process import tail
from deploy.local.run import MEASURED
from shared.pipeline.migrate import former
from tests.faults.harness import PATIENCE_SECONDS, Platform, block, platform, until
from tests.faults.processes import Process

STOP_SECONDS = 60
SERVICE = "callcenter"


class Watched(Platform):
    """A platform whose processes say how they are."""

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(folder, seed)
        self.signs = {(s, c): free_port() for s in self.services for c in layout.processes(s)}
        # One for all: to make one takes longer than to ask.
        self._http = httpx.Client(timeout=30, trust_env=False)

    def _process(self, service: str, command: str, number: int) -> Process:
        made = super()._process(service, command, number)
        if number == 1 and (port := self.signs.get((service, command))):
            made.environment = {**made.environment, f"CRM_{service.upper()}_{MEASURED[command]}": str(port)}
        return made

    def start(self) -> None:
        super().start()
        self.streams.start()

    def ask(self, command: str, path: str, service: str = SERVICE) -> tuple[int, Any]:
        """What a process answers to a look at its signs; 0 if nothing."""
        try:
            answer = self._http.get(f"http://{HOST}:{self.signs[service, command]}{path}")
        except httpx.HTTPError:
            return 0, {}
        return answer.status_code, answer.json() if path != "/metrics" else answer.text

    def heard(self) -> float:
        """How many events the live windows have heard."""
        name = 'crm_events_received_total{subscription="windows",verdict="next"}'
        found = re.search(rf"^{re.escape(name)} (\S+)", self.ask("streams", "/metrics")[1], re.MULTILINE)
        return float(found[1]) if found else 0.0

    def close(self) -> None:
        self._http.close()
        super().close()

    def until_ready(self) -> None:
        for service, command in self.signs:
            until(
                lambda s=service, c=command: self.ask(c, "/readyz", s)[0] == 200,  # type: ignore[misc]
                PATIENCE_SECONDS,
                lambda s=service, c=command: f"{s} {c}: {self.ask(c, '/readyz', s)}",  # type: ignore[misc]
            )

    def lacks(self, command: str, *names: str) -> None:
        """Wait until a process says that it lacks these and nothing else, and still lives."""

        def missing() -> set[str]:
            told = self.ask(command, "/readyz")[1].get("dependencies", {})
            return {name for name, each in told.items() if not each["ok"]}

        until(lambda: missing() == set(names), PATIENCE_SECONDS, lambda: str(self.ask(command, "/readyz")))
        assert self.ask(command, "/readyz")[0] == 503
        assert self.ask(command, "/healthz")[0] == 200


@pytest.fixture(scope="module")
def kept(seed: int) -> Iterator[Watched]:
    with platform(seed, Watched) as made:
        yield made


@pytest.fixture
def crm(kept: Watched) -> Iterator[Watched]:
    kept.until_ready()
    ended = kept.ends()
    yield kept
    kept.servers.mend()
    kept.until_ready()
    assert kept.ends() == ended, "a process didn't come back by itself"


def edit(crm: Watched) -> int:
    """What somebody is answered who registers a customer; the ledger knows of it."""
    headers = {"authorization": f"Bearer {crm.token('anna')}", "idempotency-key": str(uuid.uuid4())}
    body = {"changes": {"given_name": "Ana"}}
    answer = httpx.post(f"{crm.url(SERVICE)}/customers", json=body, headers=headers, timeout=20)
    if answer.status_code == 201:
        crm.ledger.write(answer.json()["customer"], ("customer.registered", ""))
    return answer.status_code


def test_every_part_of_every_process_comes_round(crm: Watched) -> None:
    parts = {(s, c): set(crm.ask(c, "/healthz", s)[1]["parts"]) for s, c in crm.signs}
    assert parts[SERVICE, "worker"] >= {"relay", "audit", "upkeep", "main", "tasks", "erasures"}
    assert parts["sync", "worker"] >= {"relay", "audit", "upkeep", "main", "tasks", "intents"}
    assert parts[SERVICE, "api"] >= {"live", "standing"}
    assert parts[SERVICE, "streams"] == {"hearing", "windows"}
    for _ in range(2):
        began, left = time.monotonic(), set(crm.signs)

        def come_round(began: float = began, left: set[tuple[str, str]] = left) -> bool:
            for service, command in list(left):
                told = crm.ask(command, "/healthz", service)[1].get("parts", {})
                if told and all(each["seconds"] + 0.1 < time.monotonic() - began for each in told.values()):
                    left.discard((service, command))
            return not left

        until(come_round, PATIENCE_SECONDS, lambda left=left: f"parts of {left} don't come round")  # type: ignore[misc]


def test_without_kafka_a_worker_waits_and_the_api_goes_on(crm: Watched) -> None:
    crm.servers.kafka_link.cut("up", "down")
    crm.servers.kafka_link.drop()
    crm.lacks("worker", "kafka")
    crm.lacks("streams", "kafka")
    assert crm.ask("api", "/readyz")[0] == 200
    assert httpx.get(f"{crm.url(SERVICE)}/readyz", trust_env=False).status_code == 200
    heard = crm.heard()
    assert edit(crm) == 201
    assert crm.scalar(SERVICE, "SELECT count(*) FROM outbox") > 0
    crm.servers.mend()
    until(lambda: crm.scalar(SERVICE, "SELECT count(*) FROM outbox") == 0, PATIENCE_SECONDS, "nothing is sent")
    # What happened meanwhile is heard by the same process of live windows.
    until(lambda: crm.heard() > heard, PATIENCE_SECONDS, lambda: tail(crm.streams.log))


def test_without_its_database_nobody_is_ready(crm: Watched) -> None:
    crm.servers.postgres_link.cut("up", "down")
    crm.lacks("api", "database", "migrations")
    crm.lacks("worker", "database", "migrations")
    assert crm.ask("streams", "/readyz")[0] == 200, "it needs no database"
    crm.servers.mend()
    crm.until_ready()
    assert edit(crm) == 201


def test_a_database_that_refuses_connections_is_away_too(crm: Watched) -> None:
    crm.servers.postgres.stop()
    crm.lacks("api", "database", "migrations")
    crm.lacks("worker", "database", "migrations")
    crm.servers.postgres.start(60)
    crm.until_ready()
    assert edit(crm) == 201


def test_tables_of_a_former_release_don_t_do_and_those_of_a_later_one_do(crm: Watched) -> None:
    versions = former(block(SERVICE).versions)
    assert versions
    with crm.servers.direct(SERVICE) as connection:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        assert row is not None
        try:
            connection.execute("UPDATE alembic_version SET version_num = %s", [max(versions)])
            crm.lacks("api", "migrations")
            crm.lacks("worker", "migrations")
            connection.execute("UPDATE alembic_version SET version_num = 'of a later release'")
            crm.until_ready()
        finally:
            connection.execute("UPDATE alembic_version SET version_num = %s", row)


class Issuer(BaseHTTPRequestHandler):
    """Publishes its keys, and nothing else."""

    keys = KeySet([ECKey.generate_key("P-256")]).as_dict(private=False)

    def do_GET(self) -> None:
        url = f"http://{self.headers['host']}"
        found = {"/.well-known/openid-configuration": {"issuer": url, "jwks_uri": f"{url}/keys"}, "/keys": self.keys}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(found[self.path]).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_an_api_that_never_had_the_issuer_s_keys_waits_for_them(crm: Watched) -> None:
    issuer, port = free_port(), free_port()
    made = crm._process(SERVICE, "api", 3)
    others = {name: value for name, value in made.environment.items() if name != "CRM_JWKS_FILE"}
    given = {"CRM_TOKEN_ISSUER": f"http://{HOST}:{issuer}", f"CRM_{SERVICE.upper()}_PORT": str(port)}
    made.environment = {**others, **given}

    def ready() -> httpx.Response | None:
        try:
            return httpx.get(f"http://{HOST}:{port}/readyz", trust_env=False)
        except httpx.HTTPError:
            return None

    made.start()
    try:
        until(lambda: ready() is not None, PATIENCE_SECONDS, lambda: tail(made.log))
        until(lambda: lacking(ready()) == {"issuer"}, PATIENCE_SECONDS, lambda: str(ready()))
        server = ThreadingHTTPServer((HOST, issuer), Issuer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        until(lambda: lacking(ready()) == set(), PATIENCE_SECONDS, lambda: str(ready()))
        server.shutdown()
        server.server_close()
    finally:
        made.ask_to_stop(hard=True)
        made.wait()


def lacking(answer: httpx.Response | None) -> set[str]:
    """What an answer says is lacking."""
    told = answer.json()["dependencies"] if answer is not None else {}
    return {name for name, each in told.items() if not each["ok"]}


def stopped(process: Process) -> int:
    """Tell a process to end; gives how it did. The keeper starts it again."""
    count = len(process.exits)
    os.kill(process.pid, signal.SIGTERM)
    until(lambda: len(process.exits) > count, STOP_SECONDS, f"{process.name} doesn't end")
    return process.exits[-1]


@pytest.mark.timeout(600)
def test_under_load_each_process_ends_well_and_nothing_is_done_twice(kept: Watched) -> None:
    kept.until_ready()
    with kept.load():
        for name, command in ((SERVICE, "worker"), ("sync", "worker"), (SERVICE, "streams"), (SERVICE, "api")):
            process = kept.process(name, command)
            sent = kept.ledger.commands
            until(lambda n=sent: kept.ledger.commands > n + 20, PATIENCE_SECONDS, "there is no load")  # type: ignore[misc]
            assert stopped(process) == 0, tail(process.log)
            kept.until_ready()
            _, told = kept.ask("worker", "/metrics", "sync")
            # An event that was taken in and not noted would come again.
            assert 'verdict="repeated"' not in told
    kept.verify()


def test_live_windows_end_well_while_kafka_is_away(kept: Watched) -> None:
    kept.until_ready()
    kept.servers.kafka_link.cut("up", "down")
    kept.servers.kafka_link.drop()
    kept.lacks("streams", "kafka")
    assert stopped(kept.streams) == 0, tail(kept.streams.log)
    kept.servers.mend()
    kept.until_ready()


def test_open_pages_end_with_the_process_and_not_in_the_middle(kept: Watched) -> None:
    kept.until_ready()
    headers = {"authorization": f"Bearer {kept.token('anna')}"}
    opened, lines = threading.Event(), []

    def follow() -> None:
        with httpx.stream("GET", f"{kept.url(SERVICE)}/live", headers=headers, timeout=30) as stream:
            # Raises when the connection is cut before the end of the answer.
            for line in stream.iter_lines():
                lines.append(line)
                opened.set()
        lines.append("the end")

    page = threading.Thread(target=follow, daemon=True)
    page.start()
    assert opened.wait(PATIENCE_SECONDS)
    _, told = kept.ask("api", "/metrics")
    assert "crm_http_open_streams 1.0" in told
    assert stopped(kept.process(SERVICE, "api")) == 0
    page.join(PATIENCE_SECONDS)
    # A process that waits for its pages cuts them off in the end.
    assert lines[-1] == "the end"
    kept.until_ready()
