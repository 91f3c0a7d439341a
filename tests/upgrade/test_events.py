"""The former release hears all that this one may say: what it doesn't know it passes by, and nothing stops it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.layout import ROOT
from tests.servers import KafkaServer, PostgresServer

CORPUS = Path("tests/contract/corpus")
SECONDS = 500
"""Code that was never run before is read by a machine that may be busy."""
TAKES_IN = "test_a_service_takes_in_all_that_was_ever_published"


@pytest.mark.timeout(SECONDS + 60)
def test_the_former_release_takes_in_every_event_of_this_one(
    tree: Path, tmp_path: Path, kafka: KafkaServer, postgres: PostgresServer
) -> None:
    copy = tmp_path / "former"
    shutil.copytree(tree, copy, symlinks=True)
    for lines in (ROOT / CORPUS).glob("*.jsonl"):
        shutil.copy(lines, copy / CORPUS / lines.name)
    servers = {**kafka.named, "CRM_TEST_DATABASE_URL": postgres.admin_url}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/contract/test_corpus.py",
        "-k",
        TAKES_IN,
    ]
    done = subprocess.run(
        command, cwd=copy, env={**os.environ, **servers}, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, done.stdout[-3000:]
    services = sum(1 for _ in copy.glob("services/*/wiring.py"))
    assert f"{services} passed" in done.stdout
