"""Every test, in two lanes at once: ``python -m tests``.

One lane runs each service's own tests where the others don't exist (tests/alone.py), and the four stepped through
histories together (tests/circle); the other one all the rest. What the first says is shown at the end, so that the two
don't mix.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from typing import IO

from deploy.local.layout import ROOT
from tests.alone import SERVICES, tests_of

CIRCLE = "tests/circle"


def main() -> int:
    """Gives 0 when all tests passed."""
    elsewhere = [*(folder for service in SERVICES for folder in tests_of(service)), "tests/e2e/test_starts.py", CIRCLE]
    rest = [f"--ignore={path}" for path in elsewhere]
    with tempfile.TemporaryFile() as said:
        # One after the other, in a process of its own beside the rest.
        beside = _started(["-m", "tests.alone", "--then", CIRCLE], said)
        try:
            codes = [subprocess.run([sys.executable, "-m", "pytest", *rest], cwd=ROOT).returncode, beside.wait()]
        finally:
            beside.terminate()
            beside.wait()
        said.seek(0)
        sys.stdout.flush()
        sys.stdout.buffer.write(said.read())
    return max(map(abs, codes))


def _started(command: list[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=output, stderr=output)


if __name__ == "__main__":
    sys.exit(main())
