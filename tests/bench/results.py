"""Keeps results in docs/benchmarks.json, and has the pages that are made of them made again."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

import msgspec

from deploy.docs import results as kept
from deploy.docs.results import Result
from deploy.local import kafka
from tests.bench.figures import Figure
from tests.bench.machine import Machine


def machine_of(machine: Machine, environ: Mapping[str, str] = os.environ) -> kept.Machine:
    """What this runs on. Kafka doesn't tell its version; that of one that was started here is known."""
    with machine.postgres.connect() as connection:
        version = connection.info.server_version
    given = "CRM_TEST_KAFKA_BOOTSTRAP_SERVERS" in environ
    return kept.Machine(
        cpus=os.cpu_count() or 0,
        cpu=_cpu(),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        python=platform.python_version(),
        postgresql=f"{version // 10_000}.{version % 10_000}",
        kafka="" if given else kafka.VERSION,
    )


def _cpu(path: Path = Path("/proc/cpuinfo")) -> str:
    """Its class: ``Intel(R) Xeon(R) Processor``; where the system doesn't say, the architecture."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def keep(
    results: Iterable[Result], figures: Sequence[Figure], on: kept.Machine, day: date, path: Path = kept.FILE
) -> None:
    """Merge these results into those that are kept."""
    new = [kept.Kept(**msgspec.structs.asdict(one), measured=day.isoformat(), on=on) for one in results]
    kept.save(kept.load(path).merged(new, {figure.name: figure.goal for figure in figures}), path)
