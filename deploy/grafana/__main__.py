"""``python -m deploy.grafana``: write the dashboards as JSON, for Grafana's import or its provisioning."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana import dashboards
from deploy.local import layout

DEFAULT = layout.ROOT / "build" / "grafana"


def made() -> dict[str, str]:
    """The dashboards as JSON, by their file's name."""
    encoder = JSONEncoder(sort_keys=True, indent=2)
    built = [each().build() for each in (dashboards.all_services, dashboards.one_service)]
    return {f"{each.uid}.json": encoder.encode(each) for each in built}


def main(arguments: list[str]) -> int:
    """Gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.grafana", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=DEFAULT, help="where to (default: build/grafana)")
    folder: Path = parser.parse_args(arguments).folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in made().items():
        (folder / name).write_text(text)
        print(f"{folder / name}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
