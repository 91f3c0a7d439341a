"""Whether a compose file is one, without an engine: by the specification's schema, and by a program that reads it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

WAIT_SECONDS = 60


def problems(file: Path) -> list[str]:
    """What is wrong with it."""
    text = yaml.safe_load(file.read_text())
    return [*schema_problems(text), *_dangling(text), *_unread(file)]


def schema_problems(compose: Any) -> list[str]:
    """Where it differs from the compose specification."""
    found = jsonschema_rs.validator_for(_schema()).iter_errors(compose)
    return [f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in found]


def _schema() -> Any:
    # The package has the specification's schema; its command isn't used, as it wants another click than Faust.
    package = importlib.util.find_spec("check_jsonschema")
    assert package is not None
    assert package.submodule_search_locations
    folder = Path(package.submodule_search_locations[0])
    return json.loads((folder / "builtin_schemas" / "vendor" / "compose-spec.json").read_text())


def _dangling(compose: Any) -> list[str]:
    """Names of secrets, networks and volumes that nothing stands behind."""
    found = []
    for name, part in compose["services"].items():
        for kind in ("secrets", "networks"):
            found += [f"{name}: no {kind} {each}" for each in part.get(kind, ()) if each not in compose[kind]]
        found += [
            f"{name}: waits for no {each}" for each in part.get("depends_on", ()) if each not in compose["services"]
        ]
    return found


def _unread(file: Path) -> list[str]:
    """What a program says that reads it with all its variables, as Docker's would."""
    command = [sys.executable, "-m", "podman_compose", "-f", str(file), "config", "--quiet"]
    told = {**os.environ, "CRM_TOKEN_ISSUER": os.environ.get("CRM_TOKEN_ISSUER") or "https://issuer.example"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_SECONDS, env=told, check=False)
    return [done.stderr.strip()] if done.returncode else []
