"""A TCP proxy on the loopback interface whose network can be cut one way, slowed, or reset within a message."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from contextlib import suppress
from typing import Literal

from deploy.local.layout import HOST, free_port

Way = Literal["up", "down"]
"""``up``: from client to server."""

LOOK_SECONDS = 0.02
CHUNK = 16_384


class Proxy:
    """Carries connections to ``target_port``. Its faults may be set from any thread at any time."""

    def __init__(self, target_port: int) -> None:
        self.port = free_port()
        self._target = target_port
        self._cut: frozenset[Way] = frozenset()
        self._delay = 0.0
        self._resets = 0
        self._loop = asyncio.new_event_loop()
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._thread = threading.Thread(target=self._run, name=f"proxy-{target_port}", daemon=True)
        self._listening = threading.Event()

    def start(self) -> None:
        self._thread.start()
        if not self._listening.wait(10):
            raise RuntimeError(f"the proxy doesn't listen on port {self.port}")

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def cut(self, *ways: Way) -> None:
        """What is sent these ways doesn't arrive until ``mend``; nobody is told."""
        self._cut = frozenset(ways)

    def slow(self, seconds: float) -> None:
        """Every piece takes so long, each way."""
        self._delay = seconds

    def reset(self, times: int = 1) -> None:
        """The next pieces are cut in two: the first half arrives, then the connection is reset at both ends."""
        self._resets = times

    def mend(self) -> None:
        """Everything passes again; what was held back arrives."""
        self._cut, self._delay, self._resets = frozenset(), 0.0, 0

    def drop(self) -> None:
        """Reset every connection now."""
        self._loop.call_soon_threadsafe(self._drop)

    def _drop(self) -> None:
        for pair in set(self._pairs):
            _reset(pair)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, HOST, self.port))
        self._listening.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await self._connect()
        except OSError:
            _reset((writer, writer))
            return
        pair = (writer, up_writer)
        self._pairs.add(pair)
        pumps = [
            asyncio.ensure_future(self._pump(reader, up_writer, pair, "up")),
            asyncio.ensure_future(self._pump(up_reader, writer, pair, "down")),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # One end closed, so the other is told; what was on its way to it has been written.
            for pump in pumps:
                pump.cancel()
            self._pairs.discard(pair)
            for end in pair:
                end.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """To whom a connection is carried. Raises ``OSError`` when nobody is there."""
        return await asyncio.open_connection(HOST, self._target)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        way: Way,
    ) -> None:
        with suppress(OSError):
            while piece := await reader.read(CHUNK):
                while way in self._cut:
                    await asyncio.sleep(LOOK_SECONDS)
                if self._delay:
                    await asyncio.sleep(self._delay)
                if self._resets > 0 and len(piece) > 1:
                    self._resets -= 1
                    writer.write(piece[: len(piece) // 2])
                    await writer.drain()
                    _reset(pair)
                    return
                writer.write(piece)
                await writer.drain()


def _reset(pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter]) -> None:
    for end in pair:
        connection = end.get_extra_info("socket")
        if connection is not None:
            with suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.transport.abort()
