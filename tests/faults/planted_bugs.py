"""python -m tests.faults.planted_bugs: are the tests able to find what they are there for?

Each bug is a patch to a copy of what is committed; the unmodified tests that should find it are run there. Prints a
table, and ends with 1 when a bug isn't found.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from deploy.local.layout import ROOT, downloads
from tests.faults.bugs import BUGS, Bug
from tests.faults.holes import HOLES
from tests.servers import kafka_server, postgres_server

COPIED = ("deploy", "services", "shared", "tests", "pyproject.toml")
LIMIT_SECONDS = 900
TESTS_FAILED = 1
ALL = (*BUGS, *HOLES)


@dataclass(frozen=True)
class Result:
    """What became of one bug."""

    bug: Bug
    caught_by: str
    seconds: float


def main(names: list[str]) -> int:
    """Plant each bug, or those whose names contain one of ``names``; gives the exit status."""
    chosen = [bug for bug in ALL if not names or any(name in bug.name for name in names)]
    with kafka_server() as kafka, postgres_server() as postgres:
        environment = os.environ | {
            **kafka.named,
            "CRM_TEST_DATABASE_URL": postgres.admin_url,
            "CRM_DOWNLOADS_DIR": str(downloads()),
        }
        everything = tuple(sorted({test for bug in ALL for test in bug.tests}))
        if not names and plant(Bug("no bug", (), everything), environment).caught_by:
            print("These tests fail without any bug, so they prove nothing.")
            return 1
        results = [plant(bug, environment) for bug in chosen]
    print("\n| bug | caught by | seconds |\n|---|---|---|")
    for result in results:
        print(f"| {result.bug.name} | {result.caught_by or 'NOT CAUGHT'} | {result.seconds:.0f} |")
    return 0 if all(result.caught_by for result in results) else 1


def plant(bug: Bug, environment: dict[str, str]) -> Result:
    """Run the tests that should find the bug in a copy that has it."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crm-bug-", ignore_cleanup_errors=True) as folder:
        copy = Path(folder)
        archive = subprocess.run(["git", "archive", "HEAD", *COPIED], cwd=ROOT, capture_output=True, check=True)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        for edit in bug.edits:
            path = copy / edit.path
            path.write_text(patched(path.read_text(encoding="utf-8"), edit.old, edit.new), encoding="utf-8")
        failed = _failing(copy, bug, environment)
    return Result(bug, failed, time.monotonic() - began)


def patched(text: str, old: str, new: str) -> str:
    """The text with its one occurrence of ``old`` replaced. Raises ``ValueError`` when there isn't exactly one."""
    if text.count(old) != 1:
        raise ValueError(f"found {text.count(old)} times, where once was expected: {old!r}")
    return text.replace(old, new)


def _failing(copy: Path, bug: Bug, environment: dict[str, str]) -> str:
    """The first test that fails, empty when none does."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *bug.tests],
        capture_output=True,
        text=True,
        cwd=copy,
        env=environment,
        timeout=LIMIT_SECONDS,
    )
    if done.returncode == 0:
        return ""
    found = re.search(r"^FAILED \S*?(?P<file>[\w.]+)::(?P<test>\S+)", done.stdout, re.MULTILINE)
    if done.returncode != TESTS_FAILED or found is None:
        print(f"the tests for {bug.name!r} couldn't be run\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
        return ""
    reason = re.search(r"^E +(.{1,200})", done.stdout, re.MULTILINE)
    print(f"{bug.name}: {reason[1] if reason else 'failed'}", flush=True)
    return f"{found['file']}: {found['test']}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
