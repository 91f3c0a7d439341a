"""``python -m deploy.kubernetes``: write the manifests of the platform into a folder, each part with a kustomization.

A company has an overlay of its own over `kafka`, the blocks that it wants, `console` and `observing`; `company` is one
to begin with. ``--secrets FILE`` writes new secrets, once: apply them, keep them, and don't commit them.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import yaml

from deploy import blocks
from deploy.kubernetes import backing, block, checks, company, console, observing
from deploy.kubernetes.names import NAMESPACE
from deploy.kubernetes.schemas import schemas
from deploy.local import layout
from deploy.local.problems import Problem

DEFAULT = layout.ROOT / "build" / "kubernetes"


def parts() -> dict[str, dict[str, list[Any]]]:
    """The resources, by folder and file."""
    services = layout.services()
    found: dict[str, dict[str, list[Any]]] = {"kafka": {"kafka.yaml": backing.kafka()}}
    for service in services:
        found[service] = {"backing.yaml": backing.of_service(service), "service.yaml": block.resources(service)}
    found[blocks.CONSOLE] = {"console.yaml": console.resources()}
    found["observing"] = {"prometheus.yaml": observing.resources()}
    found["company"] = {"company.yaml": company.resources(services)}
    return found


def write(folder: Path) -> None:
    """Write all of it."""
    made = parts()
    for name, files in made.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for file, resources in files.items():
            (folder / name / file).write_text(_text(resources))
        others = [f"../{other}" for other in made if other != name] if name == "company" else []
        kustomization = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": NAMESPACE,
            "resources": [*files, *others],
        }
        (folder / name / "kustomization.yaml").write_text(_text([kustomization]))


def _text(resources: list[Any]) -> str:
    return yaml.dump_all(resources, Dumper=_Plain, sort_keys=False, width=120)


class _Plain(yaml.SafeDumper):
    """Says what is the same twice, in place of pointing to where it stood."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def check() -> list[str]:
    """What is wrong with what is written. Raises ``Problem`` when the operators' schemas can't be had."""
    resources = [each for files in parts().values() for made in files.values() for each in made]
    return checks.problems([*resources, *company.secret_resources(layout.services())], schemas())


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m deploy.kubernetes", description=__doc__)
    made.add_argument("folder", nargs="?", type=Path, default=DEFAULT, help="where to (default: build/kubernetes)")
    made.add_argument(
        "--secrets", type=Path, metavar="FILE", help="write new secrets, into a file that isn't there yet"
    )
    made.add_argument(
        "--check", action="store_true", help="compare the manifests with Kubernetes' and operators' schemas"
    )
    return made


def main(arguments: list[str]) -> int:
    """Gives the exit status."""
    chosen = parser().parse_args(arguments)
    write(chosen.folder)
    print(f"{chosen.folder}: written")
    if chosen.secrets:
        with os.fdopen(os.open(chosen.secrets, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(_text(company.secret_resources(layout.services())))
        print(f"{chosen.secrets}: written; keep it, and keep it from others")
    if not chosen.check:
        return 0
    try:
        found = check()
    except Problem as error:
        print(f"The operators' schemas couldn't be had, so the manifests weren't compared with them: {error}")
        return 0
    print("\n".join(found) or f"{chosen.folder}: as Kubernetes {checks.KUBERNETES} and the operators want it")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
