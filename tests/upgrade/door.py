"""One address for the processes of one API: new connections go round among those that are let in."""

from __future__ import annotations

import asyncio

from deploy.local.layout import HOST
from tests.faults.proxy import Proxy


class Door(Proxy):
    """Before the processes of one API, as a load balancer is. May be told of them from any thread."""

    def __init__(self) -> None:
        super().__init__(0)
        self._behind: tuple[int, ...] = ()
        self.passed: dict[int, int] = {}
        """Connections by port behind."""

    def let_in(self, *ports: int) -> None:
        """New connections go to these from now on; those that are open go on where they are."""
        self._behind = ports

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        behind = self._behind
        self._behind = (*behind[1:], *behind[:1])
        for port in behind:
            try:
                streams = await asyncio.open_connection(HOST, port)
            except OSError:
                continue
            self.passed[port] = self.passed.get(port, 0) + 1
            return streams
        raise ConnectionRefusedError(f"nobody is behind port {self.port}")
