"""Whether a process lives, and whether it can do its work.

It *lives* while its parts come round: a part that doesn't is stuck, and only a new process helps. It is *ready* while
all that it depends on answers; what is away comes back by itself, and a restart would change nothing. What it depends
on is asked in the background, each by a thread of its own: so that an answer about it takes no time however often it is
asked for, and one that hangs is noticed by how old its last word is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import structlog

from shared.edge.metrics import DEPENDENCY_UP, PART_PROGRESS

STUCK_SECONDS = 120.0
"""A part may be busy with one thing for a while: a large batch, a long look at the log."""
LOOK_SECONDS = 2.0
STALE_SECONDS = 8.0
"""So old may the last word of what is depended on be."""
UNASKED = "not asked yet"

log = structlog.get_logger(__name__)

Answer = tuple[bool, dict[str, Any]]
"""Whether all is well, and what there is to say of each."""


@dataclass(frozen=True)
class Dependency:
    """Something that a process needs from outside. ``ask`` gives for each of ``names`` why it can't be used, empty
    where it can; it may take its time, and raises nothing."""

    names: Sequence[str]
    ask: Callable[[], Mapping[str, str]]
    close: Callable[[], None] = lambda: None


@dataclass
class _Word:
    why: str = UNASKED
    at: float = float("-inf")


class Health:
    """The health of one process."""

    def __init__(
        self,
        dependencies: Sequence[Dependency] = (),
        monotonic: Callable[[], float] = time.monotonic,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._dependencies = dependencies
        self._monotonic = monotonic
        self._look_seconds = look_seconds
        self._rounds: dict[str, float] = {}
        self._died: set[str] = set()
        self._waiting: dict[str, str] = {}
        self._words = {name: _Word() for each in dependencies for name in each.names}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Around the life of a part, in its own thread or task. It says with ``alive`` that it comes round."""
        before = _part.set(_Part(self, name))
        self._round(name)
        try:
            yield
        except Exception:
            self._died.add(name)
            raise
        else:
            self._rounds.pop(name, None)
        finally:
            _part.reset(before)

    def waits_for_a_person(self, name: str, why: str) -> None:
        """A part ended for a reason that only a person can mend; a restart would end it again."""
        self._waiting[name] = why

    @contextmanager
    def running(self) -> Iterator[None]:
        """Ask the dependencies in the background while the context is open."""
        stop = threading.Event()
        for each in self._dependencies:
            # Daemons, and nobody waits for them: one may hang.
            threading.Thread(target=self._keep_asking, args=(each, stop), name="health", daemon=True).start()
        try:
            yield
        finally:
            stop.set()

    def lives(self) -> Answer:
        """Whether all parts came round lately."""
        now = self._monotonic()
        parts = {name: now - at for name, at in sorted(self._rounds.copy().items())}
        stuck = {name for name, age in parts.items() if age > STUCK_SECONDS} | self._died
        told = {name: {"ok": name not in stuck, "seconds": round(age, 1)} for name, age in parts.items()}
        return not stuck, {"status": "stuck" if stuck else "ok", "parts": told}

    def ready(self) -> Answer:
        """Whether it can do its work now."""
        now = self._monotonic()
        told: dict[str, dict[str, Any]] = {}
        for name, word in self._words.items():
            age = now - word.at
            late = word.why != UNASKED and age > STALE_SECONDS
            why = f"no answer for {age:.0f} s" if late else word.why
            told[name] = {"ok": not why} | ({"why": why} if why else {})
        for name, why in self._waiting.copy().items():
            told[name] = {"ok": False, "why": why}
        ok = all(each["ok"] for each in told.values())
        return ok, {"status": "ready" if ok else "not ready", "dependencies": told}

    def ask(self) -> None:
        """Ask all dependencies once, now."""
        for each in self._dependencies:
            self._ask(each)

    def _keep_asking(self, dependency: Dependency, stop: threading.Event) -> None:
        try:
            while not stop.is_set():
                self._ask(dependency)
                stop.wait(self._look_seconds)
        finally:
            dependency.close()

    def _ask(self, dependency: Dependency) -> None:
        answer = dependency.ask()
        for name in dependency.names:
            word = self._words[name]
            why = answer.get(name, "")
            if bool(why) != bool(word.why):
                self._changed(name, why, first=word.why == UNASKED)
            word.why, word.at = why, self._monotonic()
            DEPENDENCY_UP.labels(name).set(not why)

    def _changed(self, name: str, why: str, *, first: bool) -> None:
        if why:
            log.warning("dependency.lost", dependency=name, why=why)
        elif not first:
            log.warning("dependency.back", dependency=name)

    def _round(self, name: str) -> None:
        self._rounds[name] = self._monotonic()
        PART_PROGRESS.labels(name).set_to_current_time()


@dataclass(frozen=True)
class _Part:
    of: Health
    name: str


_part: ContextVar[_Part | None] = ContextVar("part", default=None)


def alive() -> None:
    """The part of the process that calls this has come round. Costs next to nothing, and does nothing elsewhere."""
    part = _part.get()
    if part is not None:
        part.of._round(part.name)
