"""Ctrl-C, a request to end, a closed terminal: noted when they come, acted on where it is safe."""

from __future__ import annotations

import signal
import time
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """Somebody wants this to end."""


class Interrupts:
    """While it is entered, signals to end are remembered instead of breaking off what happens.

    An exception in the middle of starting a process would leave it without anybody who stops it. So every
    wait calls ``check``, and nothing else is ever broken off.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        for number in SIGNALS:
            self._before[number] = signal.getsignal(number)
            # nohup has SIGHUP ignored: what it started outlives its terminal.
            if number != signal.SIGHUP or self._before[number] is not signal.SIG_IGN:
                signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raises ``Stopped`` if a signal to end came."""
        if self.received is not None:
            raise Stopped

    def sleep(self, seconds: float) -> None:
        """Wait, but no longer than until a signal to end comes. Raises ``Stopped``."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check()
            time.sleep(min(0.05, seconds))
        self.check()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number)
