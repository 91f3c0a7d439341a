"""Which release came before this checkout, and its code in a folder of its own."""

from __future__ import annotations

import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from deploy.local.layout import ROOT
from tests.archives import extract

NOTED = Path(__file__).with_name("FORMER")
"""The commit of the last release, for a clone that has no tags. Written when one is tagged."""


@dataclass(frozen=True)
class Former:
    """A release: what people call it, and its commit."""

    name: str
    commit: str


def find(checkout: Path = ROOT) -> Former | None:
    """The last release before what is checked out, or None where the history doesn't have it."""
    if _git(checkout, "rev-parse", "--show-toplevel") != str(checkout):
        return None  # a copy, maybe within somebody else's repository
    # A release's own commit is compared with the one before it.
    name = _git(checkout, "describe", "--tags", "--abbrev=0", "HEAD^") or NOTED.read_text().strip()
    commit = _git(checkout, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    return Former(name, commit) if commit else None


def export(former: Former, to: Path, checkout: Path = ROOT) -> Path:
    """Put its code into a new folder, which runs with the libraries of this checkout."""
    packed = subprocess.run(
        ["git", "archive", former.commit], cwd=checkout, stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        extract(archive, to)
    if (checkout / "build").is_dir() and not (to / "build").exists():
        (to / "build").symlink_to(checkout / "build")  # what is built at set-up and isn't in the history
    return to


def _git(checkout: Path, *arguments: str) -> str:
    """What git says, nothing if it refuses or isn't there."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=checkout, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
