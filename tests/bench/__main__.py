"""``python -m tests.bench``: measure, and print one line of JSON a figure."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

import tests.bench
from tests.bench.figures import Figure
from tests.bench.machine import FULL, SMALL, Machine
from tests.servers import kafka_server, postgres_server


def figures() -> list[Figure]:
    """All figures: those that a module of this folder has as ``FIGURES``."""
    names = sorted(module.name for module in pkgutil.iter_modules(tests.bench.__path__) if module.name != "__main__")
    return [one for name in names for one in getattr(importlib.import_module(f"tests.bench.{name}"), "FIGURES", ())]


def main(arguments: Sequence[str]) -> int:
    """Measure the figures that are asked for; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", default="", help="figures whose name contains this: pipeline.relay")
    parser.add_argument("--small", action="store_true", help="only to see that it works: the figures say nothing")
    chosen = parser.parse_args(arguments)
    there = figures()
    wanted = [figure for figure in there if chosen.only in figure.name]
    if not wanted:
        print(f"No figure is called so. There are: {', '.join(figure.name for figure in there)}", file=sys.stderr)
        return 2
    with kafka_server() as kafka, postgres_server() as postgres, tempfile.TemporaryDirectory() as folder:
        machine = Machine(kafka, postgres, Path(folder), SMALL if chosen.small else FULL)
        machine.check_durability()
        for figure in wanted:
            for result in figure.results(machine):
                print(msgspec.json.encode(result).decode(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
