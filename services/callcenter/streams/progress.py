"""How far the streams' process has read the log, and what that says of its life and of its windows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from services.callcenter.streams import hearing
from shared.edge.health import Dependency, alive
from shared.edge.metrics import CONSUMER_LAG
from shared.pipeline import topics

TOPIC = hearing.SOURCE + topics.EVENTS
WHOLE = "windows"
"""What the process can't say anything without: windows of which nothing is missing."""
WATCH_SECONDS = 2.0


class Progress:
    """Where it is in each partition. Told by the loop that hears; looked at from other threads."""

    def __init__(self) -> None:
        self._next: dict[int, int] = {}
        self._until: dict[int, int] = {}
        self._begun = False

    def starts(self, places: Mapping[int, int], ends: Mapping[int, int]) -> None:
        """From where it reads, and up to where it has to before the windows are whole."""
        self._next, self._until = dict(places), dict(ends)
        self._begun = True

    def heard(self, partition: int, offset: int) -> None:
        """One message was taken in. After a rebalance some come again."""
        self._next[partition] = max(self._next.get(partition, 0), offset + 1)

    @property
    def read(self) -> int:
        """Rises with each message that is taken in."""
        return sum(self._next.values())

    @property
    def missing(self) -> int:
        """How many messages are still to be read before the windows are whole."""
        return self.behind(self._until)

    def behind(self, ends: Mapping[int, int]) -> int:
        """How many messages lie between here and these ends of partitions."""
        return sum(max(0, end - self._next.get(partition, 0)) for partition, end in ends.items())

    def windows(self) -> Dependency:
        """Whether the windows are whole, as something that the process needs."""
        return Dependency((WHOLE,), lambda: {WHOLE: self._why()})

    def _why(self) -> str:
        if not self._begun:
            return "waits for the log"
        return f"{self.missing} events of the last hour are still to be read" if self.missing else ""


Ends = Callable[[], Mapping[int, int] | None]
"""Where the log ends in each partition; none while Kafka doesn't answer."""


def ends_in(kafka: Mapping[str, str]) -> Ends:
    """Asked of Kafka by another way than what is heard comes by."""
    admin = AdminClient(dict(kafka))

    def ends() -> Mapping[int, int] | None:
        try:
            return topics.ends(admin, TOPIC, topics.partitions_of(admin, TOPIC))
        except KafkaException:
            return None

    return ends


def watch(progress: Progress, ends: Ends, stop: threading.Event) -> None:
    """Compare where the process is with where the log ends, so that a reader that is told nothing any more is noticed.
    Comes round while something is read, or nothing is there to be read."""
    before = -1
    while not stop.is_set():
        found = ends()
        if found is None or not _behind(progress, found) or progress.read != before:
            alive()
        before = progress.read
        stop.wait(WATCH_SECONDS)


def _behind(progress: Progress, ends: Mapping[int, int]) -> int:
    behind = progress.behind(ends)
    CONSUMER_LAG.labels(hearing.SUBSCRIPTION, hearing.SOURCE).set(behind)
    return behind
