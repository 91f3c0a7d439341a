"""Where figures come from: Prometheus, or the processes' own metrics; and the last minutes of them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol

import httpx
import structlog
from prometheus_client.parser import text_string_to_metric_families

from deploy.console.rules import Point, Reading, Sample, point
from shared.edge.health import Health, alive

EVERY_SECONDS = 5.0
KEPT = 14
"""Readings: a bit more than the minute that rates are of."""
POINTS = 180
"""Of the plots: a quarter of an hour."""
TIMEOUT_SECONDS = 3.0
WANTED = ("crm_", "process_")

log = structlog.get_logger(__name__)


class Source(Protocol):
    """Gives the figures of all processes as of now."""

    def read(self) -> list[Sample]:
        """Raises ``httpx.HTTPError`` when nothing can be had."""


class Prometheus:
    """The figures of all processes that a Prometheus scrapes."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS)

    def read(self) -> list[Sample]:
        """See ``Source``."""
        asked = {"query": '{__name__=~"(crm|process)_.+"} or up{service!="",process!=""}'}
        answer = self._client.get("/api/v1/query", params=asked).raise_for_status().json()
        return [_of_prometheus(one["metric"], one["value"][1]) for one in answer["data"]["result"]]


def _of_prometheus(labels: dict[str, str], value: str) -> Sample:
    own = {name: text for name, text in labels.items() if name not in ("__name__", "instance", "job")}
    return Sample(labels.get("instance", ""), labels["__name__"], own, float(value))


class Processes:
    """The processes' own metrics, asked for at once. One that doesn't answer has none."""

    def __init__(self, targets: Sequence[str]) -> None:
        self._targets = targets
        # No proxy from the environment stands between the console and the processes.
        self._client = httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False)
        self._pool = ThreadPoolExecutor(max(1, len(targets)))

    def read(self) -> list[Sample]:
        """See ``Source``."""
        return [sample for samples in self._pool.map(self._of, self._targets) for sample in samples]

    def _of(self, target: str) -> list[Sample]:
        try:
            answer = self._client.get(f"{target}/metrics").raise_for_status()
        except httpx.HTTPError as error:
            log.info("console.no_metrics", target=target, error=type(error).__name__)
            return [Sample(target, "up", {}, 0.0)]
        families = text_string_to_metric_families(answer.text)
        samples = [sample for family in families for sample in family.samples if sample.name.startswith(WANTED)]
        return [Sample(target, one.name, one.labels, one.value) for one in samples]


class Readings:
    """The last minutes. Reads in the background while ``running`` is open."""

    def __init__(self, source: Source, clock: Callable[[], float] = time.time) -> None:
        self._source, self._clock = source, clock
        self._kept: deque[Reading] = deque(maxlen=KEPT)
        self._points: deque[Point] = deque(maxlen=POINTS)
        self.failed = ""
        """Why the newest reading couldn't be had."""

    @property
    def kept(self) -> list[Reading]:
        """Oldest first."""
        return list(self._kept)

    @property
    def points(self) -> list[Point]:
        """What plots show, oldest first."""
        return list(self._points)

    def look(self) -> None:
        """Read once."""
        try:
            newest = Reading(self._clock(), self._source.read())
            if self._kept:
                self._points.append(point(self._kept[-1], newest))
            self._kept.append(newest)
            self.failed = ""
        except (httpx.HTTPError, ValueError, KeyError) as error:
            self.failed = type(error).__name__
            log.warning("console.no_figures", error=self.failed)

    @contextmanager
    def running(self, health: Health) -> Iterator[None]:
        """Read every few seconds while the context is open, as a part of the process."""
        stop = threading.Event()

        def read() -> None:
            with health.part("readings"):
                while not stop.is_set():
                    alive()
                    self.look()
                    stop.wait(EVERY_SECONDS)

        thread = threading.Thread(target=read, name="readings", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(TIMEOUT_SECONDS)
