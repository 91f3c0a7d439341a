"""A constant load on a service: transactions of one event each, at a rate, whatever became of those before.

It runs in a process of its own with no more than libpq in its loop, so that it takes little from what is measured.
Each transaction is the statement with which services write their outbox; the signal to the relay is the shipped one.
"""

from __future__ import annotations

import multiprocessing
import random
import re
import selectors
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import NamedTuple

from psycopg import pq
from psycopg.pq.abc import PGconn

from shared.edge.wakeup import Wakeup, plain_url
from shared.pipeline import outbox
from shared.pipeline.service import Service
from tests.bench.figures import percentile
from tests.bench.history import Message

CONNECTIONS = 16
START_SECONDS = 60
_NAMES = ("stream", "event_id", "body")
"""PostgreSQL's number of the type bytea."""


class Committed(NamedTuple):
    """What a load did."""

    at: dict[str, float]
    """Event id -> when its commit was acknowledged, by ``time.monotonic``, which all processes share."""
    late: float
    """Seconds by which transactions began after their time, at the 99th percentile: high where the load, and not what
    is measured, was too slow."""


class Load:
    """A process that is connected and waits. See ``load``."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def run(self, messages: Sequence[Message], rate: float) -> Committed:
        """Commit events, so many a second; returns when the last one is committed."""
        self._pipe.send(([(m.stream, m.id, m.body) for m in messages], rate))
        found: Committed = self._pipe.recv()
        return found


@contextmanager
def load(service: Service) -> Iterator[Load]:
    """A load on the database of ``service``."""
    here, there = multiprocessing.Pipe()
    url = service.engine.url.render_as_string(hide_password=False)
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(url, there), daemon=True)
    process.start()
    there.close()
    try:
        if not here.poll(START_SECONDS):
            raise TimeoutError("the load's process didn't start")
        here.recv()
        yield Load(here)
    finally:
        here.close()
        process.join(timeout=10)
        process.kill()


def spread(messages: Sequence[Message]) -> list[Message]:
    """The events among these so that those of one customer don't come together, as minutes lie between them."""
    events = [message for message in messages if message.sequence]
    random.Random(1).shuffle(events)
    return events


def _serve(url: str, pipe: Connection) -> None:
    wakeup = Wakeup(url)
    connections = [_connected(plain_url(url)) for _ in range(CONNECTIONS)]
    pipe.send("ready")
    while True:
        try:
            events, rate = pipe.recv()
        except EOFError:
            break
        pipe.send(_commit(connections, wakeup, events, rate))
    wakeup.close()
    for connection in connections:
        connection.finish()


def _connected(url: str) -> PGconn:
    connection: PGconn = pq.PGconn.connect(url.encode())
    if connection.status != pq.ConnStatus.OK:
        raise RuntimeError(connection.get_error_message())
    statement = re.sub(r"%\(([a-z_]+)\)s", lambda found: f"${_NAMES.index(found[1]) + 1}", outbox._ONE[False])
    prepared = connection.prepare(b"write", statement.encode())
    if prepared.status != pq.ExecStatus.COMMAND_OK:
        raise RuntimeError(prepared.get_error_message())
    connection.nonblocking = 1
    return connection


def _commit(
    connections: Sequence[PGconn], wakeup: Wakeup, events: Sequence[tuple[str, str, bytes]], rate: float
) -> Committed:
    """One thread for all connections, so that the instant of a commit is noted when its answer comes."""
    todo = deque((id, _parameters(stream, id, body)) for stream, id, body in events)
    free = deque(connections)
    busy: dict[int, str] = {}
    at: dict[str, float] = {}
    late: list[float] = []
    count, began = 0, time.monotonic()
    with selectors.EpollSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        while todo or busy:
            now = time.monotonic()
            while todo and free and began + count / rate <= now:
                id, parameters = todo.popleft()
                connection = free.popleft()
                connection.send_query_prepared(b"write", parameters, _FORMATS)
                connection.flush()
                busy[connection.socket] = id
                late.append(now - began - count / rate)
                count += 1
            wait = began + count / rate - time.monotonic() if todo and free else None
            for key, _ in selector.select(None if wait is None else max(0.0, wait)):
                if _answered(key.data):
                    at[busy.pop(key.fd)] = time.monotonic()
                    wakeup.signal()
                    free.append(key.data)
    return Committed(at, percentile(late, 0.99))


_FORMATS = (pq.Format.TEXT, pq.Format.TEXT, pq.Format.BINARY)


def _parameters(stream: str, id: str, body: bytes) -> list[bytes | None]:
    return [stream.encode(), id.encode(), body]


def _answered(connection: PGconn) -> bool:
    connection.consume_input()
    if connection.is_busy():
        return False
    while (result := connection.get_result()) is not None:
        if result.status != pq.ExecStatus.COMMAND_OK:
            raise RuntimeError(result.get_error_message())
    return True
