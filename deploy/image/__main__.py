"""``python -m deploy.image build | test``: the services' images, by the container engine of this machine."""

from __future__ import annotations

import argparse
import sys
import time

from deploy.image import building, trying
from deploy.image.building import Engine
from deploy.local.problems import Problem


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m deploy.image", description=__doc__)
    commands = made.add_subparsers(dest="command", required=True)
    building_ = commands.add_parser("build", help="build all images")
    testing = commands.add_parser("test", help="build all images, and run them in earnest")
    for each in (building_, testing):
        each.add_argument("--base", default=building.BASE, help=f"the image to build on (default: {building.BASE})")
    return made


def main(arguments: list[str]) -> int:
    """Gives the exit status."""
    chosen = parser().parse_args(arguments)
    try:
        engine = Engine.found()
        for name in building.names():
            began = time.monotonic()
            tag = building.build(engine, name, chosen.base)
            print(f"{tag}: built in {time.monotonic() - began:.0f} s", flush=True)
        if chosen.command == "test":
            trying.run(engine)
    except Problem as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
