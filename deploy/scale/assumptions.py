"""What the capacity model takes for granted. Each can be given otherwise: ``--set database_cores=64``."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

DAY = (5, 4, 3, 3, 4, 8, 18, 38, 66, 88, 98, 100, 92, 84, 86, 92, 94, 86, 68, 50, 36, 24, 14, 8)
"""Events at each full hour, in percent of the busiest one's: of a company whose customers live in one zone."""


@dataclass(frozen=True)
class Assumptions:
    """Assumed, not measured. Prices are of the order of public list prices of clouds, in dollars a month."""

    callcenter_share: float = 0.60
    """Of all events, those that the call center publishes."""
    sfa_share: float = 0.20
    """Those that sales force automation publishes."""
    marketing_share: float = 0.12
    """Those that marketing publishes, following from what it hears."""
    sync_share: float = 0.08
    """Those that sync publishes, following from what it hears."""
    reads_per_command: float = 1.0
    """Reads of a card or a timeline for each command, by the API that takes the command."""
    activity_skew: float = 0.5
    """Exponent of Zipf's law by which some customers are busier than others."""
    most_used: float = 0.70
    """Utilisation above which a stage counts as too small."""
    worker_database_cores: float = 0.6
    """Cores of PostgreSQL that are busy while one worker runs as fast as it can."""
    relay_database_cores: float = 0.4
    """The same while a relay does."""
    command_database_cores: float = 0.4
    """The same while one API process does nothing but commands."""
    read_database_cores: float = 0.1
    """The same while it does nothing but reads."""
    database_cores: float = 32
    """Of the largest PostgreSQL that one wants to run, a service each."""
    database_gib_per_core: float = 4
    """Memory of a database server for each of its cores."""
    database_iops: float = 64_000
    """Pages a second that its volume reads and writes."""
    wal_mb_per_second: float = 300
    """Write-ahead log that its volume and its standby take."""
    checkpoint_seconds: float = 300
    """Between two checkpoints: a page that changes several times in between is written once, with one image of it in
    the write-ahead log."""
    pages_per_event: float = 2.5
    """Pages of a customer's rows that an event changes, in tables and indexes."""
    timeline_pages_per_event: float = 2
    """Pages of the timeline's two indexes that an event changes in sync. After a year they are larger than memory, and
    too many for two events to meet in one: each is read, written, and logged."""
    page_image_bytes: float = 4_000
    """Of a page's image in the write-ahead log, compressed (`wal_compression`)."""
    row_bytes: float = 700
    """On disk in sync for each event, indexes included, where it wasn't measured."""
    wal_bytes: float = 1_500
    """Of write-ahead log for each applied event, where it wasn't measured."""
    customer_bytes: float = 4_000
    """On disk in each service for each customer: record, claims, keys, positions, indexes."""
    outbox_bytes: float = 1_200
    """Of write-ahead log for each published event: its row, its deletion, the stream's head, the business row."""
    table_tib: float = 32
    """What one table of PostgreSQL can hold with pages of 8 KiB."""
    standbys: float = 1
    """Copies of each database server."""
    replication: float = 3
    """Copies of the log in Kafka."""
    compression: float = 0.6
    """What is left of an event after lz4: sealed text can't be made smaller."""
    broker_mb_per_second: float = 80
    """Written by one broker, copies included."""
    broker_cores: float = 4
    """Of a broker."""
    broker_gib: float = 16
    """Memory of a broker."""
    fewest_brokers: float = 3
    """For three copies."""
    worker_mib: float = 300
    """Memory of a worker or an API process, where it wasn't measured."""
    core_price: float = 28
    """For a core, a month."""
    gib_price: float = 3.5
    """For a GiB of memory, a month."""
    disk_price: float = 0.11
    """For a GiB of SSD, a month."""
    iops_price: float = 0.01
    """For a provisioned read or write a second above 3,000, a month."""

    def share(self, service: str) -> float:
        """Of all events, those that this service publishes. Raises ``AttributeError`` for one that isn't known."""
        return float(getattr(self, f"{service}_share"))

    def changed(self, settings: Iterable[str]) -> Assumptions:
        """With ``name=value`` for each. Raises ``ValueError`` for a name that there isn't, or no number."""
        there = {field.name for field in dataclasses.fields(self)}
        values: dict[str, float] = {}
        for setting in settings:
            name, _, value = setting.partition("=")
            if name not in there:
                raise ValueError(f"There is no assumption {name}. There are: {', '.join(sorted(there))}")
            try:
                values[name] = float(value)
            except ValueError:
                raise ValueError(f"{name} is to be a number, not {value!r}.") from None
            if not 0 <= values[name] < float("inf"):
                raise ValueError(f"{name} is to be a finite number that isn't negative.")
        return dataclasses.replace(self, **values)


def load_at(second: float) -> float:
    """The load at a second of the day, as a share of the busiest hour's; between full hours it changes evenly."""
    hour = second / 3600 % 24
    before = int(hour)
    here, next_one = DAY[before], DAY[(before + 1) % 24]
    return (here + (next_one - here) * (hour - before)) / max(DAY)


def mean_load() -> float:
    """Of a day, as a share of the busiest hour's."""
    return sum(DAY) / len(DAY) / max(DAY)
