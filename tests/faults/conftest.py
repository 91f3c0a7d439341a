"""The platform that fault tests share. A test that leaves it unsound ends it, and the next gets a new one."""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.faults.harness import Platform, platform


@pytest.fixture(scope="session")
def seed() -> int:
    """Decides every random choice; CRM_FAULT_SEED replays a run."""
    chosen = int(os.environ.get("CRM_FAULT_SEED") or secrets.randbelow(10**9))
    print(f"CRM_FAULT_SEED={chosen}")
    return chosen


@pytest.fixture(scope="session", autouse=True)
def ends_in_order() -> Iterator[None]:
    """A run that is told to end by SIGTERM stops what it started, as with Ctrl-C."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    yield
    signal.signal(signal.SIGTERM, before)


class Shared:
    """Keeps one platform between tests."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._stack = ExitStack()
        self._kept: Platform | None = None

    def take(self) -> Platform:
        if self._kept is None:
            self._kept = self._stack.enter_context(platform(self._seed, Platform))
        self._kept.sound = False
        return self._kept

    def give_back(self) -> None:
        if self._kept is not None and not self._kept.sound:
            self.close()

    def close(self) -> None:
        self._kept = None
        self._stack.close()


@pytest.fixture(scope="session")
def shared(seed: int) -> Iterator[Shared]:
    kept = Shared(seed)
    yield kept
    kept.close()


@pytest.fixture
def crm(shared: Shared) -> Iterator[Platform]:
    """The running platform; to be verified at the end, else nobody uses it again."""
    yield shared.take()
    shared.give_back()
