"""``desk.streams``: agents whose pages are open in one process, each told of its own call and shown it within a second.

The API of the call center as shipped, one process. Every agent holds the stream of its page open; something happens for
one agent after the other, and the stream brings what its page shows then.
"""

from __future__ import annotations

import resource
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from deploy.docs.results import Result
from services.callcenter.desk.tables import presence
from shared.edge.live import topic
from shared.edge.wakeup import Wakeup
from shared.pipeline.service import Service
from tests.bench import serving
from tests.bench.clients import HOST, request
from tests.bench.figures import Figure, at_least, percentile
from tests.bench.machine import Machine
from tests.builders import Issuer

AGENTS = 2_000
RATE = 20.0
"""Agents who are told of something, a second."""
SMALL_AGENTS, SMALL_RATE = 20, 20.0
WITHIN_SECONDS = 1.0
OPENED_AT_ONCE = 50
WAIT_SECONDS = 60.0
CHANGED = b"event: changed"


@dataclass
class Page:
    """One agent's open stream."""

    agent: str
    socket: socket.socket
    heard: int = 0
    """Events so far."""
    told: float = 0.0
    """When something happened for this agent."""
    left: bytes = b""
    """What may be the beginning of an event's name."""

    def read(self) -> int:
        """How many events came. Raises ``RuntimeError`` when the server hung up or refused."""
        came = self.socket.recv(65_536)
        if not came or came.startswith(b"HTTP/1.1 4"):
            raise RuntimeError(f"the stream of {self.agent} ended: {came[:200]!r}")
        came = self.left + came
        new, self.left = came.count(CHANGED), came[1 - len(CHANGED) :]
        self.heard += new
        return new


def measure(machine: Machine) -> Iterator[Result]:
    agents, rate = (AGENTS, RATE) if machine.size.full else (SMALL_AGENTS, SMALL_RATE)
    _allow_files(2 * agents + 500)
    machine.kafka.forget(["callcenter"])
    issuer = Issuer(machine.folder)
    until = datetime.now(UTC) + timedelta(minutes=50)
    names = [f"agent-{number:05}" for number in range(agents)]
    tokens = {name: {"authorization": f"Bearer {issuer.token(name, 'agent', expires=until)}"} for name in names}
    with machine.service("callcenter") as service, serving.api(machine, service, issuer, "callcenter") as port:
        _be_present(service, names)
        with _open(port, tokens) as pages:
            seconds = _told_in_turn(service, pages, rate)
    in_time = sum(took <= WITHIN_SECONDS for took in seconds)
    milliseconds = sorted(1000 * took for took in seconds)
    more: dict[str, float] = {"connected": agents, "told_a_second": rate, "slowest_ms": round(milliseconds[-1], 1)}
    more |= {f"p{share}_ms": round(percentile(milliseconds, share / 100), 1) for share in (50, 99)}
    yield Result(
        figure="desk.streams",
        value=in_time,
        unit="agents",
        limit=agents,
        ratio=in_time / agents,
        runs=[in_time],
        more=more,
    )


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


def _be_present(service: Service, names: Sequence[str]) -> None:
    now = datetime.now(UTC)
    with service.engine.begin() as connection:
        connection.execute(presence.insert(), [{"agent": name, "queue": "general", "since": now} for name in names])


@contextmanager
def _open(port: int, tokens: Mapping[str, Mapping[str, str]]) -> Iterator[dict[int, Page]]:
    """Every agent's page, each told once that there is something to show; by file descriptor."""
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        pages: dict[int, Page] = {}
        left = deque(tokens.items())
        waiting: set[int] = set()
        while left or waiting:
            while left and len(waiting) < OPENED_AT_ONCE:
                agent, headers = left.popleft()
                opened = stack.enter_context(socket.create_connection((HOST, port), timeout=WAIT_SECONDS))
                opened.sendall(request("GET", "/live", {**headers, "accept": "text/event-stream"}))
                pages[opened.fileno()] = Page(agent, opened)
                waiting.add(opened.fileno())
                selector.register(opened, selectors.EVENT_READ)
            ready = selector.select(WAIT_SECONDS)
            if not ready:
                raise TimeoutError(f"{len(waiting)} streams tell nothing after {WAIT_SECONDS} s")
            for key, _ in ready:
                if pages[key.fd].read():
                    waiting.discard(key.fd)
        yield pages


def _told_in_turn(service: Service, pages: Mapping[int, Page], rate: float) -> list[float]:
    """Seconds from something that happens for an agent to what its page shows then, for each agent."""
    wakeup = Wakeup(service.engine.url.render_as_string(hide_password=False))
    due = deque(pages.values())
    seconds: list[float] = []
    under_way: set[str] = set()
    with selectors.DefaultSelector() as selector:
        for page in pages.values():
            selector.register(page.socket, selectors.EVENT_READ, page)
        began, sent, last = time.perf_counter(), 0, time.perf_counter()
        while len(seconds) < len(pages):
            now = time.perf_counter()
            while due and began + sent / rate <= now:
                page = due.popleft()
                page.told = time.perf_counter()
                wakeup.signal([topic("agent", page.agent)])
                under_way.add(page.agent)
                sent += 1
            for key, _ in selector.select(max(0.0, began + sent / rate - time.perf_counter()) if due else 0.1):
                page = key.data
                if page.read() and page.agent in under_way:
                    under_way.discard(page.agent)
                    last = time.perf_counter()
                    seconds.append(last - page.told)
            if time.perf_counter() > max(last, began) + WAIT_SECONDS:
                raise TimeoutError(f"{len(under_way)} agents were told nothing")
    wakeup.close()
    return seconds


FIGURES = (
    Figure(
        "desk.streams",
        "2,000 agents connected to one process, each shown what is new within 1 s",
        measure,
        at_least(1.0),
    ),
)
