"""Where the time of a hot path goes, step by step: functions are watched while it runs."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any


class Steps:
    """Adds up the seconds that watched functions take; what one spends in another counts for the other alone."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inside = threading.local()

    @contextmanager
    def watching(self, functions: Mapping[str, tuple[Any, str]]) -> Iterator[Steps]:
        """Watch functions, each named by its step, as (module or class, attribute), while the block runs."""
        before = {step: getattr(owner, name) for step, (owner, name) in functions.items()}
        for step, (owner, name) in functions.items():
            setattr(owner, name, self.watched(step, before[step]))
        try:
            yield self
        finally:
            for step, (owner, name) in functions.items():
                setattr(owner, name, before[step])

    def per_event(self, events: int) -> dict[str, float]:
        """Microseconds an event, the dearest step first."""
        ordered = sorted(self.seconds.items(), key=lambda item: -item[1])
        return {step: round(seconds / events * 1e6, 2) for step, seconds in ordered}

    def watched(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, watched: for one that is handed on and can't be found by its name."""

        @wraps(function)
        def timed(*args: Any, **named: Any) -> Any:
            inner = getattr(self._inside, "seconds", 0.0)
            self._inside.seconds = 0.0
            began = time.perf_counter()
            try:
                return function(*args, **named)
            finally:
                took = time.perf_counter() - began
                self.seconds[step] += took - self._inside.seconds
                self._inside.seconds = inner + took

        return timed
