"""Installs pinned requirement files into the environment that runs this, telling how far it is.

Run by ``setup.sh`` with the files as arguments. Uses nothing but the standard library, because nothing
else is there yet. Leaves a stamp, ``installed``, beside the environment's ``bin``.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

NEEDED_BYTES = 2 * 2**30
STAMP = Path(sys.prefix) / "installed"
LOG = Path(sys.prefix) / "install.log"
AGAIN = "Run the same command again: it goes on with what is still missing."


def main(files: list[str]) -> int:
    """Install what the files pin. Returns the exit code: 1 with a message when it can't be done."""
    digest = hashlib.sha256(b"".join(Path(file).read_bytes() for file in files)).hexdigest()
    if STAMP.exists() and STAMP.read_text() == digest:
        STAMP.touch()
        return 0
    free = shutil.disk_usage(sys.prefix).free
    if free < NEEDED_BYTES:
        print(f"{sys.prefix} needs 2 GiB of disk space; {free / 2**30:.1f} GiB are free.", file=sys.stderr)
        return 1
    started = time.monotonic()
    failure = install(files)
    if failure:
        print(f"\n{explain(failure)}", file=sys.stderr)
        return 1
    STAMP.write_text(digest)
    print(f"Packages installed in {time.monotonic() - started:.0f} s")
    return 0


def install(files: list[str]) -> str:
    """Run pip, showing one line of progress. Returns its output if it failed, else nothing."""
    lines = [line for file in files for line in Path(file).read_text().splitlines()]
    wanted = len({line.split("==")[0] for line in lines if "==" in line})
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar=off", "--retries=5"]
    for file in files:
        command += ["-r", file]
    output = []
    seen = 0
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            output.append(line)
            if line.startswith(("Collecting ", "Requirement already satisfied: ")):
                seen += 1
                package = line.split("==")[0].split()[-1]
                show(f"Packages {min(seen, wanted)}/{wanted}  {package}")
            elif line.startswith("Installing collected packages"):
                show(f"Packages {wanted}/{wanted}  unpacking (about half a minute)")
    LOG.write_text("".join(output))
    end_line()
    return "".join(output) if pip.returncode else ""


def explain(output: str) -> str:
    """What pip's failure means, and what to do."""
    last = "\n".join(line for line in output.splitlines()[-6:])
    if "No space left on device" in output or "Errno 28" in output:
        return f"The disk that holds {sys.prefix} is full. Free about 2 GiB.\n{AGAIN}"
    if "Permission denied" in output:
        return f"No permission to write {sys.prefix}. Is it another user's? Delete it, or make it yours.\n{last}"
    if "No matching distribution found" in output and "from versions: none" not in output:
        return f"A package isn't made for this machine or this Python ({sys.version.split()[0]}).\n{last}"
    if "DO NOT MATCH THE HASHES" in output:
        return f"What was downloaded isn't what was pinned. The download may be broken.\n{last}\n{AGAIN}"
    return f"The download of the packages broke off (all of it is in {LOG}).\n{last}\n{AGAIN}"


def show(text: str) -> None:
    """One line that the next one replaces; on a log, a line each."""
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns - 1
        print(f"\r{text[:width]:<{width}}", end="", flush=True)
    else:
        print(text, flush=True)


def end_line() -> None:
    """End the line that ``show`` kept open."""
    if sys.stdout.isatty():
        print()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
