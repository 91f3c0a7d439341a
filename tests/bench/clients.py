"""Clients of an API that cost next to nothing: kept-open connections, requests that were composed beforehand."""

from __future__ import annotations

import selectors
import socket
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

HOST = "127.0.0.1"
ANSWER_SECONDS = 10.0
NO_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """A request as it is sent."""
    lines = [f"{method} {path} HTTP/1.1", f"host: {HOST}", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


class _Client:
    """One connection, with one request under way at most."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port), timeout=ANSWER_SECONDS)
        self.socket.setsockopt(*NO_DELAY)
        self._came = b""
        self.asked = 0.0
        """When the request was to be sent."""

    def ask(self, request: bytes, asked: float) -> None:
        self.asked = asked
        self.socket.sendall(request)

    def answered(self) -> bool:
        """Whether the answer is complete. Raises ``RuntimeError`` for one that doesn't say success."""
        came = self.socket.recv(262_144)
        if not came:
            raise RuntimeError("the server hung up")
        self._came += came
        head, end, body = self._came.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return False
        if not head.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(self._came.decode("utf-8", "replace")[:500])
        self._came = b""
        return True


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0])


@contextmanager
def _clients(port: int, count: int) -> Iterator[tuple[list[_Client], selectors.BaseSelector]]:
    with ExitStack() as stack:
        # The others wait no more exactly than a millisecond.
        selector = stack.enter_context(selectors.SelectSelector())
        made = [_Client(port) for _ in range(count)]
        for one in made:
            stack.enter_context(one.socket)
            selector.register(one.socket, selectors.EVENT_READ, one)
        yield made, selector


def closed_loop(port: int, requests: Sequence[bytes], clients: int) -> float:
    """Requests a second of clients that each send the next one when they have the answer."""
    left = deque(requests)
    with _clients(port, clients) as (made, selector):
        began = time.perf_counter()
        for one in made:
            one.ask(left.popleft(), began)
        under_way = len(made)
        while under_way:
            for one in _ready(selector):
                under_way -= 1
                if left:
                    one.ask(left.popleft(), began)
                    under_way += 1
        return len(requests) / (time.perf_counter() - began)


def one_by_one(port: int, requests: Sequence[bytes]) -> list[float]:
    """Seconds from each request to its answer, of one client."""
    seconds = []
    with _clients(port, 1) as ([one], selector):
        for each in requests:
            began = time.perf_counter()
            one.ask(each, began)
            while not _ready(selector):
                pass
            seconds.append(time.perf_counter() - began)
    return seconds


def open_loop(port: int, requests: Sequence[bytes], rate: float, clients: int) -> list[float]:
    """Seconds from when each request was due to its answer; they are due at this rate, however long answers take."""
    seconds: list[float] = []
    with _clients(port, clients) as (made, selector):
        # In turns, as a server hangs up on who is silent for seconds.
        free = deque(made)
        began = time.perf_counter()
        sent = 0
        while len(seconds) < len(requests):
            now = time.perf_counter()
            while sent < len(requests) and free and began + sent / rate <= now:
                free.popleft().ask(requests[sent], began + sent / rate)
                sent += 1
            wait = began + sent / rate - now if free and sent < len(requests) else ANSWER_SECONDS
            for one in _ready(selector, max(0.0, wait)):
                seconds.append(time.perf_counter() - one.asked)
                free.append(one)
    return seconds


def _ready(selector: selectors.BaseSelector, seconds: float = ANSWER_SECONDS) -> list[_Client]:
    """The clients whose answer has come by now, after ``seconds`` at the latest."""
    found = [key.data for key, _ in selector.select(seconds)]
    if not found and seconds >= ANSWER_SECONDS:
        raise TimeoutError(f"no answer came in {seconds} s")
    return [one for one in found if one.answered()]
