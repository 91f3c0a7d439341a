"""All four services with their pages on loopback ports; events flow between them while people work."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from deploy.local.layout import free_port
from shared.pipeline.main import Block
from tests.builders import Issuer, SetClock
from tests.circle import steps
from tests.circle.steps import Stepped, Steps
from tests.servers import KafkaServer, PostgresServer

HOST = "127.0.0.1"
START_SECONDS = 20.0
PAUSE_SECONDS = 0.05


class RunningClock(SetClock):
    """The real time: what a browser shows as "a minute ago" was one."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class Platform:
    """The services, and where their pages are."""

    steps: Steps
    urls: dict[str, str]
    issuer: Issuer
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stop: threading.Event = field(default_factory=threading.Event)
    failed: list[BaseException] = field(default_factory=list)

    def __getitem__(self, name: str) -> Stepped:
        return self.steps[name]

    def cookie(self, service: str, actor: str, *roles: str, teams: tuple[str, ...] = ()) -> dict[str, str]:
        """What a browser of somebody signed in keeps for a service."""
        token = self.issuer.token(actor, *roles, teams=teams, expires=datetime.now(UTC) + timedelta(hours=4))
        return {"name": f"crm_{service}", "value": token, "url": self.urls[service]}

    def settle(self) -> None:
        """Until nobody has anything to send, to hear or to work out."""
        with self._lock:
            self.steps.settle()

    def run(self) -> None:
        """Let events flow until ``stop``."""
        while not self._stop.is_set():
            try:
                self.settle()
            except Exception as error:
                self.failed.append(error)
                return
            self._stop.wait(PAUSE_SECONDS)

    def stop(self) -> None:
        self._stop.set()


@contextmanager
def platform(
    kafka: KafkaServer, postgres: PostgresServer, blocks: Mapping[str, Block], folder: Path
) -> Iterator[Platform]:
    """All blocks joined, served, and flowing."""
    issuer = Issuer(folder)
    with ExitStack() as stack:
        made = stack.enter_context(
            steps.steps(kafka, postgres, blocks, steps.templates(postgres, blocks.values()), RunningClock(), issuer)
        )
        ports = {name: free_port() for name in blocks}
        urls = {name: f"http://{HOST}:{port}" for name, port in ports.items()}
        for name, port in ports.items():
            stack.enter_context(served(made.join(name).app, port))
        whole = Platform(made, urls, issuer)
        moving = threading.Thread(target=whole.run, name="flow")
        moving.start()
        try:
            yield whole
        finally:
            whole.stop()
            moving.join()
        if whole.failed:
            raise whole.failed[0]


@contextmanager
def served(app: FastAPI, port: int) -> Iterator[None]:
    """The application on a loopback port, in a thread."""
    server = uvicorn.Server(uvicorn.Config(app, host=HOST, port=port, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, name=f"served-{port}")
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    try:
        while not server.started:
            assert thread.is_alive(), "the application ended at its start"
            assert time.monotonic() < deadline, "the application doesn't start"
            time.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        thread.join()
