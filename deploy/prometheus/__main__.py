"""``python -m deploy.prometheus check | test | write FOLDER``: the rules by which Prometheus calls somebody.

``check`` reads them, and sees that every metric is there. ``test`` has Prometheus' own promtool play the tests; it is
built from its source the first time. ``write`` writes what a Prometheus on the machine of compose needs.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml

from deploy import blocks, go
from deploy.local import layout
from deploy.local.problems import Problem
from deploy.prometheus import names

PROMETHEUS = go.Module(
    "github.com/prometheus/prometheus", "v0.316.0", "h1:f1GRFerhTMKQma+awCoC9T820ecWeGSdF+xAlMHzZzM="
)
TAGS = "remove_all_sd"
"""Without what looks for targets in all clouds: half the time, and no promtool needs it."""


def check() -> int:
    """1 when a rule can't be read or names what isn't there."""
    found = names.problems(rule["expr"] for rule in names.rules())
    print("\n".join(found) or f"{names.RULES.name}: {len(names.rules())} rules, all of metrics that there are")
    return 1 if found else 0


def test() -> int:
    """1 when promtool finds something, or can't be had."""
    try:
        program = go.installed(PROMETHEUS, "cmd/promtool", layout.downloads(), TAGS)
        for asked in (["check", "rules", names.RULES.name], ["test", "rules", names.TESTS.name]):
            print(go.run([str(program), *asked], names.RULES.parent).strip())
    except Problem as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def write(folder: Path) -> int:
    """Write settings and rules for a Prometheus beside the containers of compose."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(names.RULES, folder / names.RULES.name)
    file = folder / "prometheus.yaml"
    file.write_text(yaml.safe_dump(settings(), sort_keys=False))
    print(f"{file}: written")
    return 0


def settings() -> dict[str, Any]:
    """Where compose's processes are, and as whose their metrics are shown."""
    targets = [
        {
            "targets": [f"{process.name}:{blocks.METRICS_PORT}"],
            "labels": {"service": process.service, "process": process.command},
        }
        for service in layout.services()
        for process in blocks.processes(service)
        if process.tells
    ]
    return {
        "global": {"scrape_interval": "15s", "evaluation_interval": "30s"},
        "rule_files": [names.RULES.name],
        "scrape_configs": [{"job_name": "crm", "static_configs": targets}],
    }


def main(arguments: list[str]) -> int:
    """Gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.prometheus", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help="see that rules can be read and name what is there")
    commands.add_parser("test", help="play the tests of the rules")
    writing = commands.add_parser("write", help="write what a Prometheus beside compose needs")
    writing.add_argument("folder", nargs="?", type=Path, default=layout.ROOT / "build" / "prometheus")
    chosen = parser.parse_args(arguments)
    match chosen.command:
        case "check":
            return check()
        case "test":
            return test()
    return write(chosen.folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
