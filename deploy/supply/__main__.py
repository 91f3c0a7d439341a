"""``python -m deploy.supply audit | sbom``: known weaknesses of the pinned libraries, and a list of them all."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.local.layout import ROOT
from deploy.supply.findings import Unreadable, read

RUN = ROOT / "requirements" / "run.txt"
"""What the services run with; the others are for development and the sample."""
SBOM = ROOT / "build" / "sbom.json"
WAIT_SECONDS = 300


def audit() -> int:
    """Ask for known weaknesses. 1 when there are some; where no data is to be had, that is said, and 0."""
    command = ["pip_audit", "--requirement", str(RUN), "--disable-pip", "--no-deps"]
    done = _run([*command, "--progress-spinner", "off", "--format", "json"])
    try:
        findings = read(done.stdout)
    except Unreadable:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        print(f"No data about weaknesses is to be had here, so the libraries weren't looked at: {reason}")
        return 0
    print("\n".join(findings.lines()))
    return 1 if findings.weak else 0


def sbom(path: Path) -> int:
    """Write the parts of the services as CycloneDX (ECMA-424)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    command = ["cyclonedx_py", "requirements", str(RUN), "--output-reproducible", "--output-format", "JSON"]
    done = _run([*command, "--output-file", str(path)])
    if done.returncode:
        print(done.stderr.strip(), file=sys.stderr)
    else:
        print(f"{path}: written")
    return done.returncode


def _run(module: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *module], capture_output=True, text=True, timeout=WAIT_SECONDS, check=False
    )


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m deploy.supply")
    commands = made.add_subparsers(dest="command", required=True)
    text = "ask for known weaknesses of the pinned libraries"
    commands.add_parser("audit", help=text, description=text)
    text = "write a list of all parts as CycloneDX"
    listing = commands.add_parser("sbom", help=text, description=text)
    listing.add_argument("--file", type=Path, default=SBOM, help="where to (default: build/sbom.json)")
    return made


def main(arguments: Sequence[str]) -> int:
    chosen = parser().parse_args(arguments)
    return audit() if chosen.command == "audit" else sbom(chosen.file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
