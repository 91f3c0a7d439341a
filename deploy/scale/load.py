"""Who publishes how much, and who hears it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from deploy.docs import services
from deploy.scale.assumptions import Assumptions

DERIVING = ("marketing", "sync")
"""Services that publish nothing but what follows from what they hear."""
NAMED_CUSTOMERS = 20_000
"""The busiest ones, each placed on its partition; the others are so many that they spread evenly."""


@dataclass(frozen=True)
class Load:
    """What comes in at the busiest hour."""

    customers: float
    events: float
    """A second, of all services."""
    shares: dict[str, float]
    """Service -> of all events, those that it publishes."""
    sources: dict[str, tuple[str, ...]]
    """Service -> services that it hears."""

    @classmethod
    def of(cls, customers: float, events: float, assumptions: Assumptions) -> Load:
        """With the services that there are, and who hears whom as their subscriptions say. Raises ``ValueError`` for a
        load that isn't one."""
        if not (0 < customers < float("inf") and 0 < events < float("inf")):
            raise ValueError("Customers and events a second are to be more than none.")
        names = services.names()
        total = sum(assumptions.share(name) for name in names)
        if total <= 0:
            raise ValueError("Some service has to publish something: its share is to be more than none.")
        return cls(
            customers,
            events,
            {name: assumptions.share(name) / total for name in names},
            {name: tuple(s for s in services.subscriptions(name).sources if s in names) for name in names},
        )

    def published(self, service: str) -> float:
        """Events a second that this service publishes."""
        return self.events * self.shares[service]

    def heard(self, service: str) -> float:
        """Events a second that this service hears."""
        return self.events * self.heard_share(service)

    def heard_share(self, service: str) -> float:
        return sum(self.shares[source] for source in self.sources[service])

    def commands(self, service: str) -> float:
        """Commands a second that its API takes: what it publishes, where that doesn't follow from what it hears."""
        return 0.0 if service in DERIVING else self.published(service)


@lru_cache(maxsize=64)
def partition_weights(partitions: int, customers: float, skew: float) -> tuple[float, ...]:
    """The share of a topic's events that is on each partition, where customers are as busy as Zipf's law says."""
    named = int(min(NAMED_CUSTOMERS, customers))
    busy = [(1 + number) ** -skew for number in range(named)]
    # The sum over the others, as an integral.
    if skew == 1:
        raise ValueError("An exponent of exactly 1 isn't provided for: take 0.99.")
    rest = (customers ** (1 - skew) - named ** (1 - skew)) / (1 - skew)
    total = sum(busy) + rest
    weights = [rest / total / partitions] * partitions
    for number, share in enumerate(busy):
        weights[zlib.crc32(f"customer {number}".encode()) % partitions] += share / total
    return tuple(weights)


def worker_weights(weights: Sequence[float], workers: int) -> list[float]:
    """The share of the events that each worker has, its partitions taken together."""
    return [sum(weights[worker::workers]) for worker in range(workers)]


@lru_cache(maxsize=64)
def busiest_workers(weights: tuple[float, ...]) -> tuple[float, ...]:
    """The share of the busiest worker, where there is one, where there are two, and so on to one for each partition."""
    return tuple(max(worker_weights(weights, workers)) for workers in range(1, len(weights) + 1))
