"""Every test, in lanes that run at once: ``python -m tests``.

One lane runs each service's own tests where the others don't exist (tests/alone.py), and then those of the pipeline;
one steps the four through histories together (tests/circle), tries all ways into them (tests/access), and then what
takes long by itself, an upgrade and restores; one runs all the rest, and is what is seen meanwhile. What the others say
is shown at the end, so that they don't mix.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import ExitStack

from deploy.local.layout import ROOT
from tests.alone import SERVICES, tests_of

ACCESS, CIRCLE, PIPELINE = "tests/access", "tests/circle", "tests/integration/pipeline"
LONG = ["tests/upgrade", "tests/e2e/test_backup.py"]
BESIDE = (["-m", "tests.alone", "--then", PIPELINE], ["-m", "pytest", "-q", CIRCLE, ACCESS, *LONG])
TOGETHER = [ACCESS, CIRCLE, PIPELINE, *LONG]
ELSEWHERE = [*(folder for of in SERVICES for folder in tests_of(of)), "tests/e2e/test_starts.py", *TOGETHER]


def main() -> int:
    """Gives 0 when all tests passed."""
    with ExitStack() as stack:
        said = [stack.enter_context(tempfile.TemporaryFile()) for _ in BESIDE]
        lanes = [
            subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=output, stderr=output)
            for command, output in zip(BESIDE, said, strict=True)
        ]
        try:
            rest = [sys.executable, "-m", "pytest", *(f"--ignore={path}" for path in ELSEWHERE)]
            codes = [subprocess.run(rest, cwd=ROOT).returncode, *(lane.wait() for lane in lanes)]
        finally:
            for lane in lanes:
                lane.terminate()
                lane.wait()
        sys.stdout.flush()
        for output in said:
            output.seek(0)
            sys.stdout.buffer.write(output.read())
    return max(map(abs, codes))


if __name__ == "__main__":
    sys.exit(main())
