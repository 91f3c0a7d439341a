"""``python -m tests.bench``: measure, and print one line of JSON a figure."""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

import tests.bench
from deploy.docs import __main__ as docs
from deploy.docs.results import Result
from tests.bench.figures import Figure
from tests.bench.machine import FULL, SMALL, Machine
from tests.bench.results import keep, machine_of
from tests.servers import kafka_server, postgres_server

ORDER = (
    "pipeline.relay",
    "pipeline.capture",
    "pipeline.timeline",
    "pipeline.profile",
    "pipeline.backfill",
    "pipeline.latency",
    "pipeline.command",
    "timeline.read",
    "auth.overhead",
    "desk.pop",
    "desk.page",
    "desk.streams",
    "pipeline.growth",
    "pipeline.workers",
    "memory.worker",
    "run.start",
    "run.idle",
)
"""In which figures are measured and shown; one that isn't named comes last."""


def figures() -> list[Figure]:
    """All figures: those that a module of this folder has as ``FIGURES``."""
    names = [module.name for module in pkgutil.iter_modules(tests.bench.__path__)]
    modules = [name for name in names if name != "__main__" and not name.startswith("test_")]
    there = [one for name in modules for one in getattr(importlib.import_module(f"tests.bench.{name}"), "FIGURES", ())]
    rank = {name: number for number, name in enumerate(ORDER)}
    return sorted(there, key=lambda one: (rank.get(one.name, len(rank)), one.name))


def chosen(there: Sequence[Figure], only: str) -> list[Figure]:
    """Those with one of these names (commas between), or whose names begin so. Raises ``ValueError`` with the names
    that there are."""
    wanted: list[Figure] = []
    for name in filter(None, only.replace(" ", "").split(",")):
        found = [one for one in there if one.name == name] or [one for one in there if one.name.startswith(name)]
        if not found:
            raise ValueError(f"No figure is called {name}. There are: {', '.join(one.name for one in there)}")
        wanted += found
    return [one for one in there if one in wanted] if wanted else list(there)


def measured(wanted: Sequence[Figure], machine: Machine) -> Iterator[tuple[Figure, list[Result]]]:
    """Measure figure after figure, and say how far it is; none of one that couldn't be measured."""
    for number, figure in enumerate(wanted, 1):
        tell(f"[{number}/{len(wanted)}] {figure.name}")
        began = time.monotonic()
        try:
            results = list(figure.results(machine))
        except Exception:
            results = []
            tell(f"{figure.name} couldn't be measured:\n{traceback.format_exc()}")
        tell(f"[{number}/{len(wanted)}] {figure.name}: {time.monotonic() - began:.0f} s")
        yield figure, results


@contextmanager
def stdout_for_results() -> Iterator[Callable[[Result], None]]:
    """Gives what writes a result to stdout. All else that is written there meanwhile, by what is measured and by its
    processes, goes to stderr."""
    sys.stdout.flush()
    own = os.dup(1)
    os.dup2(2, 1)
    try:
        yield lambda result: _write(own, msgspec.json.encode(result) + b"\n")
    finally:
        sys.stdout.flush()
        os.dup2(own, 1)
        os.close(own)


def _write(to: int, data: bytes) -> None:
    while data:
        data = data[os.write(to, data) :]


def tell(text: str) -> None:
    """Say how far it is."""
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> int:
    """Measure the figures that are asked for; gives the exit status: 1 when one couldn't be measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", default="", help="figures of these names, or whose names begin so: pipeline.relay")
    parser.add_argument("--small", action="store_true", help="only to see that it works: the figures say nothing")
    parser.add_argument("--keep", action="store_true", help="keep the results in docs/benchmarks.json, make its pages")
    options = parser.parse_args(arguments)
    there = figures()
    try:
        wanted = chosen(there, options.only)
    except ValueError as error:
        tell(str(error))
        return 2
    if options.keep and options.small:
        tell("Results of the small size say nothing: they aren't kept.")
        return 2
    with (
        stdout_for_results() as show,
        kafka_server() as kafka,
        postgres_server() as postgres,
        tempfile.TemporaryDirectory() as folder,
    ):
        machine = Machine(kafka, postgres, Path(folder), SMALL if options.small else FULL)
        machine.check_durability()
        on = machine_of(machine)
        tell(f"On {on}; {machine.warm_up():,} messages warmed Kafka up")
        failed = []
        try:
            for figure, results in measured(wanted, machine):
                for result in results:
                    show(result)
                if not results:
                    failed.append(figure.name)
                elif options.keep:
                    keep(results, there, on, datetime.now(UTC).date())
        finally:
            if options.keep:
                docs.main([])
    if failed:
        tell(f"Not measured: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
