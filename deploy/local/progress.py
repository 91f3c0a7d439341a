"""A line per step with its seconds, on a terminal or in a log, also when the terminal is gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from rich.console import Console, RenderableType
from rich.status import Status


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Nobody reads any more: go on in silence, because what was started has still to be stopped."""
        self.quiet = True


class Progress:
    """Tells a person what happens. What can't be written, because nobody reads any more, is dropped."""

    def __init__(self, *, to_errors: bool = False) -> None:
        self._console = _Console(stderr=to_errors, highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """One step: a spinner while it goes on, a line with its seconds when it's done."""
        with self.counted(title):
            yield

    @contextmanager
    def counted(self, title: str) -> Iterator[Callable[[int, int], None]]:
        """A step of many parts: gives a function to tell how many of how many are done."""
        started = time.monotonic()
        with self._spinner(title) as spinner:

            def tell(done: int, total: int) -> None:
                if spinner is not None:
                    spinner.update(f"{title} {done}/{total}")

            yield tell
        self.say(f"  [green]✓[/] {title} [dim]{time.monotonic() - started:.1f} s[/]")

    def say(self, text: RenderableType = "") -> None:
        """One line or table."""
        with suppress(OSError):
            self._console.print(text)

    @contextmanager
    def _spinner(self, title: str) -> Iterator[Status | None]:
        spinner: Status | None = None
        if self._console.is_terminal:
            spinner = self._console.status(title)
            with suppress(OSError):
                spinner.start()
        try:
            yield spinner
        finally:
            if spinner is not None:
                with suppress(OSError):
                    spinner.stop()
