"""Faults of all kinds in a random order, for CRM_FAULT_SECONDS; ``make faults SECONDS=…`` runs this."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable

import pytest

from tests.faults.harness import Platform
from tests.faults.test_servers import FAULTS

SECONDS = float(os.environ.get("CRM_FAULT_SECONDS") or 15)
BETWEEN_VERIFICATIONS_SECONDS = 30


@pytest.mark.timeout(SECONDS * 4 + 150)
def test_random_faults(crm: Platform) -> None:
    rng = random.Random(f"{crm.seed}/random")
    crm.start_seconds()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        until = min(end, time.monotonic() + BETWEEN_VERIFICATIONS_SECONDS)
        with crm.load() as load:
            while time.monotonic() < until and not load.failed:
                time.sleep(rng.uniform(0.2, 1.5))
                action = rng.choice(ACTIONS)
                print(f"{time.monotonic() - end + SECONDS:6.1f} s: {action.__name__}", flush=True)
                action(crm, rng)
        crm.verify(90)
    crm.keeper.stop(crm.seconds.values())


def _kill(crm: Platform, rng: random.Random) -> None:
    rng.choice([*crm.processes, *crm.seconds.values()]).kill()


def _freeze(crm: Platform, rng: random.Random) -> None:
    process = rng.choice([*crm.processes, *crm.seconds.values()])
    process.pause()
    time.sleep(rng.choice([0.5, 4, 12]))
    process.resume()


def _kafka(crm: Platform, rng: random.Random) -> None:
    rng.choice([crm.servers.kafka.stop, crm.servers.kafka.kill])()
    crm.servers.kafka.start()


def _postgresql(crm: Platform, rng: random.Random) -> None:
    rng.choice([crm.servers.postgres.stop, crm.servers.postgres.kill])()
    crm.servers.postgres.start()


def _network(crm: Platform, rng: random.Random) -> None:
    link = rng.choice([crm.servers.kafka_link, crm.servers.postgres_link])
    rng.choice(list(FAULTS.values()))(link)
    time.sleep(rng.uniform(0.2, 6))
    link.mend()


Action = Callable[[Platform, random.Random], None]

# What happens often in life happens often here.
ACTIONS: list[Action] = [_kill, _kill, _kill, _freeze, _network, _network, _kafka, _postgresql]
