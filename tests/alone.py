"""Runs each service's own tests where the other services' folders don't exist: ``python -m tests.alone [service …]``.

``--then PATH`` runs other tests afterwards, in the whole checkout.

A copy of the checkout is made without them, in a temporary folder. So a service that leans on another one's code can't
pass. The servers are started once and used by all.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from deploy.local.layout import ROOT
from tests.servers import kafka_server, postgres_server

SKIPPED = {
    "node_modules",
    ".venv",
    ".local",
    ".git",
    "__pycache__",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".hypothesis",
}
SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/wiring.py"))
SHARED_BY_ALL = ("tests/contract/test_way_in.py", "tests/e2e/test_starts.py")
"""Tests of every service that is there, however many are."""


def tests_of(service: str) -> list[str]:
    """The test folders that belong to one service alone."""
    return [f"tests/{kind}/{service}" for kind in ("unit", "integration") if (ROOT / "tests" / kind / service).is_dir()]


def main(arguments: list[str]) -> int:
    """Gives the number of runs that failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.alone", description=__doc__)
    parser.add_argument("service", nargs="*")
    parser.add_argument("--then", metavar="PATH")
    options = parser.parse_args(arguments)
    services = options.service or SERVICES
    if unknown := set(services) - set(SERVICES):
        print(f"There is no service {', '.join(sorted(unknown))}; there are {', '.join(SERVICES)}.", file=sys.stderr)
        return 2
    failed = []
    with kafka_server() as kafka, postgres_server() as postgres:
        servers = {
            **kafka.named,
            "CRM_TEST_DATABASE_URL": postgres.admin_url,
        }
        for service in services:
            print(f"== {service} alone", flush=True)
            if run(service, servers):
                failed.append(f"{service} alone")
        if options.then:
            print(f"== {options.then}", flush=True)
            command = [sys.executable, "-m", "pytest", "-q", options.then]
            if subprocess.run(command, cwd=ROOT, env={**os.environ, **servers}).returncode:
                failed.append(options.then)
    if failed:
        print(f"Failed: {', '.join(failed)}", flush=True)
    return len(failed)


def run(service: str, servers: dict[str, str]) -> int:
    """The tests of one service where no other one is; gives pytest's exit status."""
    with tempfile.TemporaryDirectory(prefix=f"crm-{service}-") as folder:
        copy = Path(folder) / "checkout"
        shutil.copytree(ROOT, copy, ignore=_others(service))
        command = [sys.executable, "-m", "pytest", "-q", *tests_of(service), *SHARED_BY_ALL]
        return subprocess.run(command, cwd=copy, env={**os.environ, **servers}).returncode


def _others(service: str) -> Callable[[str, list[str]], set[str]]:
    def ignored(folder: str, names: list[str]) -> set[str]:
        where = Path(folder).relative_to(ROOT)
        if str(where) in ("services", "tests/unit", "tests/integration"):
            return {name for name in names if name in SERVICES and name != service} | (SKIPPED & set(names))
        return SKIPPED & set(names)

    return ignored


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
