"""``python -m deploy.scale --customers 10000000 --events 20000``: what would it take, where would it break first?"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from deploy.docs.results import FILE, load
from deploy.scale.assumptions import Assumptions
from deploy.scale.measured import NotMeasured
from deploy.scale.page import CUSTOMERS, EVENTS, report
from deploy.scale.study import study


def main(arguments: Sequence[str]) -> int:
    """Print it; gives the exit status."""
    options = parser().parse_args(arguments)
    try:
        print(report(study(load(options.results), options.customers, options.events, _assumed(options.set))))
    except (NotMeasured, ValueError, msgspec.DecodeError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def _assumed(settings: Sequence[str]) -> Assumptions:
    return Assumptions().changed(settings)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m deploy.scale", description=__doc__)
    made.add_argument("--customers", type=float, default=CUSTOMERS, help=f"in all ({CUSTOMERS:,})")
    made.add_argument("--events", type=float, default=EVENTS, help=f"a second, at the busiest hour ({EVENTS:,})")
    made.add_argument("--results", type=Path, default=FILE, help="what was measured (docs/benchmarks.json)")
    made.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], help="another assumption")
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
