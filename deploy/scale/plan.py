"""How many of each part a load takes, and how much of each ceiling it uses."""

from __future__ import annotations

import math
from dataclasses import dataclass

from deploy.scale.assumptions import Assumptions, mean_load
from deploy.scale.load import Load, busiest_workers, partition_weights, worker_weights
from deploy.scale.measured import Measured

PARTITIONS = (12, 24, 48, 96, 192, 384, 768)
GIB = 2**30
YEAR = 365 * 24 * 3600
FREE_IOPS = 3_000
PAGE = 8_192


@dataclass(frozen=True)
class ServicePlan:
    """What one service takes."""

    name: str
    workers: int
    worker_rate: float
    """Events a second of one of them."""
    weights: tuple[float, ...]
    """The share of its events that each worker has."""
    api_processes: int
    database_cores: float
    """That are busy at the busiest hour."""
    wal_mb: float
    """A second."""
    iops: float
    """Pages that are read and written."""
    disk_gib: float
    """After a year."""


@dataclass(frozen=True)
class Plan:
    """What all of it takes, sized for the busiest hour."""

    load: Load
    partitions: int
    services: dict[str, ServicePlan]
    brokers: int
    kafka_gib: float
    """After a year, all copies."""
    memory_gib: float
    ceilings: dict[str, float]
    """What can't be had twice -> how much of it is used, as a share."""
    days_of_timeline: float
    """After which sync's table is as large as one table can be."""
    money: dict[str, float]
    """What for -> dollars a month, after a year."""


def plan(load: Load, measured: Measured, assumed: Assumptions) -> Plan:
    """Size it."""
    rates = {name: measured.rate(name, load.customers) for name in load.shares}
    needed = {name: math.ceil(load.heard(name) / (rates[name] * assumed.most_used)) for name in load.shares}
    partitions = next((each for each in PARTITIONS if each >= 2 * max(needed.values())), PARTITIONS[-1])
    weights = partition_weights(partitions, load.customers, assumed.activity_skew)
    found = {}
    for name in load.shares:
        workers = _workers(load.heard(name), rates[name] * assumed.most_used, weights, max(1, needed[name]))
        found[name] = _service(name, load, measured, assumed, workers, weights)
    written = load.events * measured.event_bytes * assumed.compression * assumed.replication / 1e6
    brokers = max(int(assumed.fewest_brokers), math.ceil(written / assumed.broker_mb_per_second / assumed.most_used))
    events = load.events * mean_load() * YEAR
    kafka_gib = events * measured.event_bytes * assumed.compression * assumed.replication / GIB
    processes = sum(one.workers + one.api_processes for one in found.values())
    return Plan(
        load=load,
        partitions=partitions,
        services=found,
        brokers=brokers,
        kafka_gib=kafka_gib,
        memory_gib=processes * measured.worker_mib / 1024
        + brokers * assumed.broker_gib
        + _database_gib(found, assumed),
        ceilings=_ceilings(load, measured, assumed, found, max(weights)),
        days_of_timeline=assumed.table_tib * 2**40 / (load.heard("sync") * mean_load() * measured.row_bytes * 86_400)
        if "sync" in found
        else math.inf,
        money=_money(found, brokers, kafka_gib, processes, measured, assumed),
    )


def _workers(heard: float, most: float, weights: tuple[float, ...], fewest: int) -> int:
    """The fewest of which none has more than it may; as many as there are partitions where that isn't to be had."""
    partitions = len(weights)
    busiest = busiest_workers(weights)
    return next((n for n in range(min(fewest, partitions), partitions) if heard * busiest[n - 1] <= most), partitions)


def _service(
    name: str, load: Load, measured: Measured, assumed: Assumptions, workers: int, weights: tuple[float, ...]
) -> ServicePlan:
    rate = measured.rate(name, load.customers)
    commands, heard = load.commands(name), load.heard(name)
    busy = commands / measured.command + commands * assumed.reads_per_command * measured.read_seconds
    pages = shared_pages((heard + commands) * assumed.pages_per_event, load.customers, assumed)
    leaves = heard * assumed.timeline_pages_per_event if name == "sync" else 0.0
    logged = heard * measured.wal_bytes + load.published(name) * assumed.outbox_bytes
    stored = load.customers * assumed.customer_bytes
    if name == "sync":
        stored += heard * mean_load() * YEAR * measured.row_bytes
    elif commands:
        # What happened stands in the service's own tables once more: contacts, cases, orders.
        stored += commands * mean_load() * YEAR * measured.event_bytes
    return ServicePlan(
        name=name,
        workers=workers,
        worker_rate=rate,
        weights=tuple(worker_weights(weights, workers)),
        api_processes=max(1, math.ceil(busy / assumed.most_used)),
        database_cores=heard * apply_cost(assumed, rate)
        + load.published(name) * send_cost(measured, assumed)
        + commands * command_cost(measured, assumed),
        wal_mb=(logged + (pages + leaves) * assumed.page_image_bytes) / 1e6,
        iops=pages + 2 * leaves,
        disk_gib=stored / GIB,
    )


def shared_pages(changes: float, customers: float, assumed: Assumptions) -> float:
    """Pages of customers' rows that are written a second, where so many of them change a second: those that change
    several times between two checkpoints are written once."""
    if not changes:
        return 0.0
    there = max(1.0, customers * assumed.customer_bytes / PAGE)
    return there * -math.expm1(-changes * assumed.checkpoint_seconds / there) / assumed.checkpoint_seconds


def apply_cost(assumed: Assumptions, rate: float) -> float:
    """Seconds of a core of PostgreSQL for an event that a worker applies."""
    return assumed.worker_database_cores / rate


def send_cost(measured: Measured, assumed: Assumptions) -> float:
    """The same for one that a relay sends."""
    return assumed.relay_database_cores / measured.relay


def command_cost(measured: Measured, assumed: Assumptions) -> float:
    """The same for a command with the reads that go with it."""
    reads = assumed.reads_per_command * measured.read_seconds * assumed.read_database_cores
    return assumed.command_database_cores / measured.command + reads


def _ceilings(
    load: Load, measured: Measured, assumed: Assumptions, found: dict[str, ServicePlan], hottest: float
) -> dict[str, float]:
    """What there is one of, whatever one pays."""
    used: dict[str, float] = {}
    for name, one in found.items():
        used[f"{name}: relay"] = load.published(name) / measured.relay
        used[f"{name}: hottest partition"] = load.heard(name) * hottest / one.worker_rate
        used[f"{name}: database cores"] = one.database_cores / assumed.database_cores
        used[f"{name}: write-ahead log"] = one.wal_mb / assumed.wal_mb_per_second
        used[f"{name}: pages of its disk"] = one.iops / assumed.database_iops
    return used


def _servers(found: dict[str, ServicePlan], assumed: Assumptions) -> dict[str, int]:
    """Cores that each database server is to have."""
    return {name: max(2, math.ceil(one.database_cores / assumed.most_used)) for name, one in found.items()}


def _database_gib(found: dict[str, ServicePlan], assumed: Assumptions) -> float:
    cores = sum(_servers(found, assumed).values())
    return cores * assumed.database_gib_per_core * (1 + assumed.standbys)


def _money(
    found: dict[str, ServicePlan],
    brokers: int,
    kafka_gib: float,
    processes: int,
    measured: Measured,
    assumed: Assumptions,
) -> dict[str, float]:
    copies = 1 + assumed.standbys
    process = assumed.core_price + measured.worker_mib / 1024 * assumed.gib_price
    cores = sum(_servers(found, assumed).values()) * copies
    broker = assumed.broker_cores * assumed.core_price + assumed.broker_gib * assumed.gib_price
    iops = sum(max(0.0, one.iops / assumed.most_used - FREE_IOPS) for one in found.values()) * copies
    return {
        "workers and APIs": processes * process,
        "database servers": cores * (assumed.core_price + assumed.database_gib_per_core * assumed.gib_price),
        "database disks": sum(one.disk_gib for one in found.values()) * copies * assumed.disk_price,
        "reads and writes": iops * assumed.iops_price,
        "Kafka's brokers": brokers * broker,
        "Kafka's disks": kafka_gib * assumed.disk_price,
    }
