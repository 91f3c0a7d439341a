"""The issuer and two services, without sockets."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.issuer.web import World
from tests.integration.issuer.web import world as made


@pytest.fixture(scope="session")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every account in it: hashing their passwords takes its time."""
    folder = tmp_path_factory.mktemp("accounts")
    with made(folder):
        return folder


@pytest.fixture
def world(tmp_path: Path, accounts: Path) -> Iterator[World]:
    shutil.copytree(accounts, tmp_path / "state")
    with made(tmp_path / "state") as there:
        yield there
