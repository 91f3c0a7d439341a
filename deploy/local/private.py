"""Files that only their owner may read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write ``path`` anew, readable by its owner alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def kept(path: Path, make: Callable[[], str]) -> str:
    """What the file holds; made and written the first time."""
    if not path.exists():
        write(path, make())
    return path.read_text()


def replace(path: Path, text: str) -> None:
    """As ``write``, but whoever reads at the same time finds either the old text or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    write(beside, text)
    beside.replace(path)
