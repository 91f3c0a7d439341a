"""``python -m deploy.compose FOLDER``: write what `docker compose` needs to run the platform into a folder.

Made anew each time: compose.yaml and roles.sql. Made once, and yours from then on: .env and the files of secrets/.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import yaml

from deploy.compose import checks, secret
from deploy.compose.model import environment_file, model
from deploy.local import layout

DEFAULT = layout.ROOT / "build" / "compose"
ROLES = layout.ROOT / "deploy" / "postgres" / "roles.sql"


def write(folder: Path) -> Path:
    """Write the folder; gives the compose file."""
    services = layout.services()
    folder.mkdir(parents=True, exist_ok=True)
    names = secret.write(folder / "secrets", services)
    file = folder / "compose.yaml"
    file.write_text(yaml.safe_dump(model(services, names), sort_keys=False, width=120))
    shutil.copyfile(ROLES, folder / ROLES.name)
    own = folder / ".env"
    if not own.exists():
        own.write_text(environment_file())
    return file


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m deploy.compose", description=__doc__)
    made.add_argument("folder", nargs="?", type=Path, default=DEFAULT, help="where to (default: build/compose)")
    made.add_argument("--check", action="store_true", help="see whether compose could read it")
    return made


def main(arguments: list[str]) -> int:
    """Gives the exit status."""
    chosen = parser().parse_args(arguments)
    file = write(chosen.folder)
    print(f"{file}: written")
    if not chosen.check:
        return 0
    problems = checks.problems(file)
    print("\n".join(problems) or f"{file}: as compose wants it")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
