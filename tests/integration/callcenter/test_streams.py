"""The streams' process as it is, against a real Kafka: a burst of cases becomes one proposed outage."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.callcenter import wiring
from shared.edge.clock import system_clock
from shared.pipeline import topics
from shared.pipeline.relay import Relay
from shared.pipeline.service import Service
from tests.builders import KEKS, done
from tests.integration.callcenter.center import CallCenter, call_center
from tests.probe import until
from tests.servers import PostgresServer, kafka_server

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0


@dataclass
class Running:
    """A call center whose relay and intake run, and how to start its streams."""

    center: CallCenter
    environment: dict[str, str]
    log: Path

    @contextmanager
    def streams(self, *, kill: bool = False) -> Iterator[subprocess.Popen[bytes]]:
        """The real process. At the end it is killed, or asked to end, which it has to do cleanly."""
        command = [sys.executable, "-m", "services.callcenter", "streams"]
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        try:
            yield process
            assert process.poll() is None, self.log.read_text()
            if not kill:
                process.terminate()
                assert process.wait(20) == 0, self.log.read_text()
        finally:
            process.kill()
            process.wait()

    def scalar(self, sql: str) -> int:
        return int(self.center.scalar(sql))

    def open_cases(self, members: list[str], count: int) -> None:
        for n in range(count):
            body = {"customer": members[n % len(members)], "reason": "fault", "subject": "No line"}
            done(self.center.post("/cases", {**body, "product": "fibre", "place": "es-28"}), 201)


@pytest.fixture(scope="module")
def running(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """With a Kafka of its own: the names of the streams' topics are fixed."""
    folder = tmp_path_factory.mktemp("streams")
    url = postgres.database("callcenter")
    with kafka_server() as kafka, call_center(url, folder) as center:
        kafka_settings = kafka.client
        topics.ensure(kafka_settings, "callcenter", partitions=3, replication=1)
        settings = center.settings.model_copy(update={"kafka": kafka_settings})
        worker = Service.of(settings, process="worker")
        environment = {
            **os.environ,
            "CRM_CALLCENTER_DATABASE_URL": url,
            **kafka.environment,
            "CRM_KEY_ENCRYPTION_KEYS": KEKS,
            "CRM_CALLCENTER_PORT": "1",
            "CRM_TOKEN_ISSUER": "none",
            "CRM_JWKS_FILE": str(center.settings.jwks_file),
        }
        center.clock.now = system_clock()
        parts: list[Callable[[threading.Event], None]] = [
            lambda stop: Relay(worker, stop).run(),
            lambda stop: wiring.parts(worker, stop)["signals"](),
        ]
        with threads(parts):
            yield Running(center, environment, folder / "log")
        worker.wakeup.close()
        worker.engine.dispose()


@contextmanager
def threads(parts: list[Callable[[threading.Event], None]]) -> Iterator[None]:
    stop = threading.Event()
    started = [threading.Thread(target=part, args=(stop,), daemon=True) for part in parts]
    for thread in started:
        thread.start()
    yield
    stop.set()
    for thread in started:
        thread.join(30)
        assert not thread.is_alive()


def test_a_burst_is_one_proposed_outage_even_after_the_process_was_killed(running: Running) -> None:
    center = running.center
    members = [center.register(phone=f"+1 555 010 02{n:02}") for n in range(4)]
    center.ring(customer=members[0], number="+1 555 010 0200")
    with running.streams(kill=True):
        running.open_cases(members, 5)
        until(lambda: running.scalar("SELECT count(*) FROM outage_case") == 5, PATIENCE, "no outage")
    offered = "SELECT coalesce(sum(offered), 0) FROM live_window"
    center.ring(customer=members[1], number="+1 555 010 0201")
    with running.streams():
        until(lambda: running.scalar(offered) == 4, PATIENCE, "no windows")
        running.open_cases(members, 1)
        until(lambda: running.scalar("SELECT count(*) FROM outage_case") == 6, PATIENCE, "the sixth isn't there")
    assert running.scalar("SELECT count(*) FROM outage") == 1
    assert running.scalar("SELECT sequence FROM stream_head WHERE stream LIKE 'outage/%'") == 1
