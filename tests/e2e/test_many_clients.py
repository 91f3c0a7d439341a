"""A real process under clients that mean no good, or are many: the others are answered as if they weren't there."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from deploy.local.layout import HOST, ROOT, free_port
from shared.edge.limits import LARGEST_BODY
from tests.builders import KEKS, Issuer
from tests.e2e.test_starts import SECONDS, is_ready, until
from tests.servers import KafkaServer, PostgresServer

STREAMS, SLOW = 1_000, 300


@dataclass(frozen=True)
class Center:
    """The call center's API in a process of its own."""

    port: int
    metrics: int
    issuer: Issuer
    log: Path

    def token(self, actor: str) -> str:
        return self.issuer.token(actor, "agent", expires=datetime.now(UTC) + timedelta(minutes=50))

    def get(self, path: str, actor: str = "anna") -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token(actor)}"}
        return httpx.get(f"http://{HOST}:{self.port}{path}", headers=headers, timeout=SECONDS, trust_env=False)

    def send(self, stack: ExitStack, text: bytes) -> socket.socket:
        """Send the beginning of a request, on a connection that stays open."""
        opened = stack.enter_context(socket.create_connection((HOST, self.port), timeout=SECONDS))
        opened.sendall(text)
        return opened

    def figure(self, name: str) -> float:
        """A figure without labels, as the process shows it."""
        shown = httpx.get(f"http://{HOST}:{self.metrics}/metrics", timeout=SECONDS, trust_env=False).text
        return next(float(line.split()[1]) for line in shown.splitlines() if line.startswith(f"{name} "))


@pytest.fixture(scope="module")
def center(kafka: KafkaServer, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Center]:
    """It runs for the tests of this file."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    kafka.forget(["callcenter"])
    folder = tmp_path_factory.mktemp("center")
    made = Center(free_port(), free_port(), Issuer(folder), folder / "log")
    environment = {
        **os.environ,
        "CRM_CALLCENTER_DATABASE_URL": postgres.database("callcenter"),
        "CRM_CALLCENTER_PORT": str(made.port),
        "CRM_CALLCENTER_API_METRICS_PORT": str(made.metrics),
        **kafka.environment,
        "CRM_KEY_ENCRYPTION_KEYS": KEKS,
        "CRM_JWKS_FILE": str(made.issuer.jwks_file),
        "CRM_TOKEN_ISSUER": made.issuer.name,
    }
    command = [sys.executable, "-m", "services.callcenter"]
    subprocess.run([*command, "migrate"], check=True, env=environment, cwd=ROOT, timeout=SECONDS)
    with made.log.open("wb") as log:
        process = subprocess.Popen([*command, "api"], env=environment, cwd=ROOT, stdout=log, stderr=log)
        try:
            until(lambda: is_ready(f"http://{HOST}:{made.port}"), "the call center isn't ready", made.log)
            yield made
        finally:
            process.terminate()
            assert process.wait(SECONDS) == 0


@pytest.mark.timeout(400)
def test_a_thousand_open_pages_are_told_and_leave_nothing_behind(center: Center) -> None:
    with ExitStack() as stack:
        opened = []
        for number in range(STREAMS):
            head = f"GET /live HTTP/1.1\r\nhost: crm\r\nauthorization: Bearer {center.token(f'a{number}')}\r\n\r\n"
            opened.append(center.send(stack, head.encode()))
        for each in opened:
            came = b""
            while b"event: changed" not in came:
                new = each.recv(65_536)
                assert new, came
                came += new
        assert center.figure("crm_http_open_streams") == STREAMS
        assert center.get("/desk/waiting").status_code == 200
    until(lambda: center.figure("crm_http_open_streams") == 0, "pages that are gone still count", center.log)


def test_slow_clients_keep_nobody_waiting(center: Center) -> None:
    with ExitStack() as stack:
        for _ in range(SLOW):
            center.send(stack, b"GET / HTTP/1.1\r\nhost: crm\r\nx-slow: ")
            body = b"POST /desk/find HTTP/1.1\r\nhost: crm\r\ncontent-type: application/json\r\ncontent-length: 900\r\n"
            center.send(stack, body + f"authorization: Bearer {center.token('slow')}\r\n\r\n".encode() + b'{"wo')
        for _ in range(20):
            assert center.get("/desk/waiting").status_code == 200


def test_what_is_too_large_is_refused_while_it_comes(center: Center) -> None:
    with ExitStack() as stack:
        head = f"POST /desk/find HTTP/1.1\r\nhost: crm\r\ncontent-length: {100 * LARGEST_BODY}\r\n"
        opened = center.send(stack, f"{head}authorization: Bearer {center.token('anna')}\r\n\r\n".encode())
        opened.sendall(b"x" * (LARGEST_BODY + 1))
        assert opened.recv(65_536).startswith(b"HTTP/1.1 413")
        endless = center.send(stack, b"GET / HTTP/1.1\r\nhost: crm\r\nx-large: ")
        with pytest.raises(ConnectionError):
            _send_without_end(endless)
    assert center.get("/desk/waiting").status_code == 200


def _send_without_end(opened: socket.socket) -> None:
    """Until the other side hangs up."""
    for _ in range(4_000):
        opened.sendall(b"x" * 65_536)
