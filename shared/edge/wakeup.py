"""Tells other processes of the service that something was committed: one NOTIFY, at most every few milliseconds.

On two channels: whoever works on what is committed needn't wake up for what only open pages are told of, which at a
worker that hears much is most of its commits.

A NOTIFY inside every transaction would serialise the commits (PostgreSQL takes one lock for all of them), so a
thread with a connection of its own sends it, with the topics of all commits since the last one. It may be lost
in a crash; whoever waits for it also looks by himself from time to time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

import psycopg
import structlog

from shared.edge import faults

CHANNEL = "committed"
"""There is something to do: to be sent, or to be worked out."""
TOUCHED = "touched"
"""Open pages of these topics have something new to show."""
LEAST_PAUSE_SECONDS = 0.002
RECONNECT_SECONDS = 1.0
LARGEST_PAYLOAD = 7_000
UNSYNCED = "-c synchronous_commit=off"
"""A signal is a transaction, and would have the log written to the disk for it; it has nothing that is to be kept."""

log = structlog.get_logger(__name__)


class Wakeup:
    """Sends the signal. ``signal`` never blocks and never fails; the thread starts with the first one."""

    def __init__(self, url: str) -> None:
        self._url = plain_url(url)
        self._topics: set[str] = set()
        self._to_do = False
        self._due = threading.Event()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def signal(self, topics: Iterable[str] = (), *, to_do: bool = True) -> None:
        """Say that a commit touched these topics (``agent/anna``, ``customer/ID``), and whether it left more to do."""
        with self._lock:
            self._topics.update(topics)
            self._to_do |= to_do
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="wakeup", daemon=True)
                self._thread.start()
        self._due.set()

    def close(self) -> None:
        self._stop.set()
        self._due.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True, connect_timeout=5, options=UNSYNCED) as connection:
                    self._serve(connection)
            except (psycopg.Error, faults.FaultRaised) as error:
                log.warning("wakeup.lost", error=type(error).__name__)
                self._stop.wait(RECONNECT_SECONDS)

    def _serve(self, connection: psycopg.Connection) -> None:
        while not self._stop.is_set():
            self._due.wait()
            self._due.clear()
            for channel, payload in self._take():
                faults.at("wakeup.notify", lambda c=channel, p=payload: _notify(connection, c, p))  # type: ignore[misc]
            self._stop.wait(LEAST_PAUSE_SECONDS)

    def _take(self) -> list[tuple[str, str]]:
        with self._lock:
            to_do, topics = self._to_do, sorted(self._topics)
            self._to_do, self._topics = False, set()
        return [(CHANNEL, "")] * to_do + [(TOUCHED, payload) for payload in payloads(topics)]


class Ear:
    """Hears the signal, on a connection of its own. For use in a ``with``; raises ``psycopg.Error`` when it is lost."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(plain_url(url), autocommit=True, connect_timeout=5)

    def __enter__(self) -> Ear:
        self._connection.execute(f"LISTEN {CHANNEL}")
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def wait(self, seconds: float) -> None:
        """Until something is committed, or for so long."""
        for _ in self._connection.notifies(timeout=seconds, stop_after=1):
            pass


def _notify(connection: psycopg.Connection, channel: str, payload: str) -> None:
    connection.execute("SELECT pg_notify(%s, %s)", (channel, payload))


def payloads(topics: list[str]) -> Iterator[str]:
    """Topics in as few payloads as PostgreSQL's limit allows."""
    line: list[str] = []
    size = 0
    for topic in topics:
        if line and size + len(topic.encode()) + 1 > LARGEST_PAYLOAD:
            yield " ".join(line)
            line, size = [], 0
        line.append(topic)
        size += len(topic.encode()) + 1
    if line:
        yield " ".join(line)


def plain_url(url: str) -> str:
    """A SQLAlchemy URL as libpq takes it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)
