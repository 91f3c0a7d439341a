"""Kafka and PostgreSQL that stop, and networks that fail, under load."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest

from tests.faults.harness import Platform
from tests.faults.proxy import Proxy

BETWEEN_SECONDS = 1.0
BROKEN_SECONDS = 2.0


@pytest.mark.timeout(400)
def test_kafka_restarted_and_killed(crm: Platform) -> None:
    kafka = crm.servers.kafka
    with crm.load():
        for end in (kafka.stop, kafka.kill):
            time.sleep(BETWEEN_SECONDS)
            end()
            time.sleep(BETWEEN_SECONDS)
            kafka.start()
    crm.verify()


@pytest.mark.timeout(400)
def test_postgresql_killed(crm: Platform) -> None:
    rng = random.Random(f"{crm.seed}/postgresql")
    with crm.load():
        for _ in range(3):
            time.sleep(rng.uniform(0.5, 2.0))
            crm.servers.postgres.kill()
            crm.servers.postgres.start()
    crm.verify()


FAULTS: dict[str, Callable[[Proxy], None]] = {
    "requests don't arrive": lambda link: link.cut("up"),
    "answers don't arrive": lambda link: link.cut("down"),
    "slow": lambda link: link.slow(0.1),
    "reset within messages": lambda link: link.reset(12),
    "connections lost": lambda link: link.drop(),
}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("server", ["kafka", "postgres"])
def test_network(crm: Platform, server: str) -> None:
    rng = random.Random(f"{crm.seed}/{server}")
    link = crm.servers.kafka_link if server == "kafka" else crm.servers.postgres_link
    with crm.load() as load:
        for name, fault in rng.sample(sorted(FAULTS.items()), len(FAULTS)):
            print(f"{server}: {name}")
            fault(link)
            time.sleep(BROKEN_SECONDS)
            link.mend()
            time.sleep(BETWEEN_SECONDS)
            load.check()
    crm.verify()
