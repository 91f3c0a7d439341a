"""The whole circle on real processes, each of which meets faults of its own."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Collection
from pathlib import Path

import httpx

from shared.edge.faults import MODES
from tests.faults import log
from tests.faults.goer import Goer, device, lay_out
from tests.faults.harness import PATIENCE_SECONDS, Platform, until
from tests.faults.ledger import Load
from tests.faults.rounds import TERRITORIES, Rounds
from tests.faults.verify_circle import Found, verify

LIVES = 3
"""After so many starts a process meets nothing more but what the test does to it."""
POINTS = {
    "api": ("transact.commit", "wakeup.notify", "http.answer"),
    "worker": ("consumer.commit", "due.commit", "relay.send", "relay.flush", "relay.commit", "keys.commit"),
}


class Circle(Platform):
    """All four services. Each process meets faults of its own in its first lives."""

    services = ("callcenter", "marketing", "sfa", "sync")
    heads_seconds = 3

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(folder, seed)
        self.rounds = Rounds()

    def arm(self) -> None:
        rng = random.Random(f"{self.seed}/arm")
        self.seconds = {}
        for process in self.processes:
            process.faults = deque(_faults(POINTS[process.command], rng) for _ in range(LIVES))

    def start(self) -> None:
        super().start()
        self._lay_out()

    def go(self, threads: int = 2) -> Load:
        """Customers going round, to be used as a context; each time others, decided by the seed."""
        self._loads += 1
        return Load(lambda n, rng: Goer(self, self.rounds, n, rng), f"{self.seed}/{self._loads}", threads)

    def verify(self, seconds: float = 90) -> None:
        """Wait until everything is drained, then compare the four services with what was promised, and each other."""
        print(f"seed {self.seed}: {self.rounds}; ends of processes: {self.ends()}")
        self._end_leases()
        self.drain(seconds)
        logs = {service: log.read(self.servers.kafka.client, service) for service in self.services}
        headers = {"authorization": f"Bearer {self.token('anna')}"}
        with httpx.Client(base_url=self.url("callcenter"), headers=headers) as desk:
            devices = {number: device(self, number) for number in self.rounds.persons}
            verify(Found(self.servers, self.rounds, logs, desk, devices))
        self.sound = True

    def _lay_out(self) -> None:
        """Products, and territories with their reps, until they are known where devices are served."""
        lay_out(self, random.Random(f"{self.seed}/sales"))
        reps = "SELECT count(*) FROM territory_rep"
        until(
            lambda: self.scalar("sync", reps) == len(TERRITORIES), PATIENCE_SECONDS, "sync doesn't hear of territories"
        )


def _faults(points: Collection[str], rng: random.Random) -> str:
    """What is to strike a process in one life: at each of some points something, somewhen."""
    chosen = [point for point in points if rng.random() < 0.5]
    return ",".join(f"{point}={rng.choice(MODES)}@{rng.randint(1, 12)}" for point in chosen)
