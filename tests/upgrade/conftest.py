"""The former release, for the tests of this folder. Where the history doesn't have it, they say so in one line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.faults.conftest import ends_in_order, seed
from tests.upgrade import former

__all__ = ["ends_in_order", "seed"]

FORMER = former.find()
if FORMER is None:
    collect_ignore_glob = ["test_*.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what stands beside what, or that nothing can."""
    said = f"beside the former release, {FORMER.name}" if FORMER else "not run: this checkout has no history"
    terminalreporter.write_line(f"tests/upgrade: {said}")


@pytest.fixture(scope="session")
def tree() -> Iterator[Path]:
    """The former release's code."""
    assert FORMER is not None
    with TemporaryDirectory(prefix="crm-former-") as folder:
        Path(folder).chmod(0o711)
        yield former.export(FORMER, Path(folder) / "checkout")
