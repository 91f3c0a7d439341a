"""Commands that end by themselves: run in a session of their own, and ended when we are."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from deploy.local.process import POLL_SECONDS

GRACE_SECONDS = 10


class Child:
    """One command. Its output goes to ``log``, or to this process's if there's none."""

    def __init__(self, command: list[str], environment: Mapping[str, str], log: Path | None = None) -> None:
        output = log.open("ab") if log else None
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(environment),
                start_new_session=True,
            )
        finally:
            if output:
                output.close()

    def wait(self, check: Callable[[], None]) -> int:
        """Wait for its end and return its exit code. When ``check`` raises, it is ended first."""
        try:
            while (code := self._process.poll()) is None:
                check()
                time.sleep(POLL_SECONDS)
        except BaseException:
            self.end()
            raise
        return code

    def end(self) -> None:
        """End it with all that it started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE_SECONDS)
                return
