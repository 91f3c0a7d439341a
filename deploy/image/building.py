"""Building the images with the engine of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy import blocks
from deploy.local import layout
from deploy.local.problems import Problem

BASE = "python:3.11-slim-bookworm"
WAIT_SECONDS = 1800
_INSIDE = "/run/ca-bundle.pem"


@dataclass(frozen=True)
class Engine:
    """A program that builds and runs containers as ``docker`` does."""

    program: str

    @classmethod
    def found(cls, environ: Mapping[str, str] = os.environ) -> Engine:
        """The one that CRM_CONTAINER_ENGINE names, else the first that answers. Raises ``Problem``."""
        for name in filter(None, (environ.get("CRM_CONTAINER_ENGINE"), "podman", "docker")):
            program = shutil.which(name)
            if program and subprocess.run([program, "info"], capture_output=True, check=False).returncode == 0:
                return cls(program)
        raise Problem(
            "No container engine answers here: neither podman nor docker. CRM_CONTAINER_ENGINE names another."
        )

    def run(self, *arguments: str, seconds: float = WAIT_SECONDS, errors_too: bool = False) -> str:
        """What a command prints. Raises ``Problem`` when it fails."""
        done = subprocess.run(
            [self.program, *arguments], cwd=layout.ROOT, capture_output=True, text=True, timeout=seconds, check=False
        )
        if done.returncode:
            said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-15:])
            raise Problem(f"{Path(self.program).name} {' '.join(arguments[:2])} failed:\n{said}")
        return (done.stdout + (done.stderr if errors_too else "")).strip()

    @property
    def is_podman(self) -> bool:
        """Whether it takes podman's options."""
        return "podman" in self.run("--version").lower()


def names() -> list[str]:
    """What there are images of."""
    return [*layout.services(), blocks.OPERATIONS]


def build(engine: Engine, name: str, base: str = BASE) -> str:
    """Build one image; gives its full name."""
    tag = f"{blocks.image(name)}:{blocks.version()}"
    kind = ["--target", blocks.OPERATIONS] if name == blocks.OPERATIONS else ["--target", "service"]
    told = [*kind, "--build-arg", f"SERVICE={name}", "--build-arg", f"BASE={base}", "-t", tag]
    with _certificates(engine) as trusting:
        engine.run("build", "-q", "-f", "deploy/image/Dockerfile", *told, *trusting, ".")
    return tag


@contextmanager
def _certificates(engine: Engine, environ: Mapping[str, str] = os.environ) -> Iterator[list[str]]:
    """What lets a build's pip and npm trust whom this machine's pip trusts, where that was said: options of the build,
    which leave nothing in the image. Only podman has them."""
    bundle = environ.get("PIP_CERT")
    if not bundle or not engine.is_podman:
        yield []
        return
    with tempfile.TemporaryDirectory() as name:
        pip, npm = Path(name) / "pip.conf", Path(name) / "npmrc"
        pip.write_text(f"[global]\ncert = {_INSIDE}\n")
        npm.write_text(f"cafile={_INSIDE}\n")
        mounts = {bundle: _INSIDE, str(pip): "/etc/pip.conf", str(npm): "/root/.npmrc"}
        yield [part for here, there in mounts.items() for part in ("-v", f"{here}:{there}:ro")]
