"""Every test, in two lanes at once: ``python -m tests``.

One lane runs each service's own tests where the others don't exist (tests/alone.py), the other one all the rest. What
the first says is shown at the end, so that the two don't mix.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile

from deploy.local.layout import ROOT
from tests.alone import SERVICES, tests_of


def main() -> int:
    """Gives 0 when all tests passed."""
    left_to_alone = [*(folder for service in SERVICES for folder in tests_of(service)), "tests/e2e/test_starts.py"]
    rest = [f"--ignore={path}" for path in left_to_alone]
    with tempfile.TemporaryFile() as said:
        alone = subprocess.Popen([sys.executable, "-m", "tests.alone"], cwd=ROOT, stdout=said, stderr=said)
        try:
            code = subprocess.run([sys.executable, "-m", "pytest", *rest], cwd=ROOT).returncode
            code_alone = alone.wait()
        finally:
            alone.terminate()
            alone.wait()
        said.seek(0)
        sys.stdout.flush()
        sys.stdout.buffer.write(said.read())
    return code or code_alone


if __name__ == "__main__":
    sys.exit(main())
