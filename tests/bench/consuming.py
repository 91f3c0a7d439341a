"""A consumer that notes what it committed and when, for the benchmarks of what is heard."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from shared.pipeline.consumer import SubscriptionConsumer
from shared.pipeline.incoming import Incoming
from shared.pipeline.receive import Subscription
from shared.pipeline.service import Service
from shared.pipeline.subscriptions import Slice

DONE_SECONDS = 150


class Batch(NamedTuple):
    """A batch whose transaction was committed at ``at``, by ``time.monotonic``."""

    at: float
    ids: list[str]


class Noting(SubscriptionConsumer):
    """The shipped consumer; it notes each batch when its transaction is committed."""

    def __init__(
        self, service: Service, slices: Sequence[Slice], sources: Sequence[str], stop: threading.Event
    ) -> None:
        super().__init__(service, Subscription("main", tuple(slices), service.keks, 0.05), sources, stop)
        self.batches: list[Batch] = []
        self.noted: Callable[[], object] = list
        self.go = threading.Event()
        """Clear it to have batches wait."""
        self.go.set()

    def _once(self, fresh: Sequence[Incoming]) -> None:
        self.go.wait()
        super()._once(fresh)
        self.batches.append(Batch(time.monotonic(), [m.envelope.id for m in fresh if m.envelope]))
        self.noted()


@contextmanager
def consuming(
    service: Service, slices: Sequence[Slice], sources: Sequence[str]
) -> Iterator[tuple[Noting, Callable[[int], None]]]:
    """A consumer in a thread, and a function that waits until it has committed so many events in all."""
    stop, more = threading.Event(), threading.Event()
    consumer = Noting(service, slices, sources, stop)
    consumer.noted = more.set
    thread = threading.Thread(target=consumer.run)

    def wait(count: int) -> None:
        until = time.monotonic() + DONE_SECONDS
        while sum(len(batch.ids) for batch in consumer.batches) < count:
            if not thread.is_alive() or not more.wait(until - time.monotonic()):
                raise RuntimeError("the consumer ended, or is too slow")
            more.clear()

    thread.start()
    try:
        yield consumer, wait
    finally:
        stop.set()
        thread.join()


def warm_rate(batches: Sequence[Batch]) -> float:
    """Events a second from the first committed batch to the last: without joining the group. Of one event in a
    millisecond at least, as a small run has a single batch."""
    first, last = batches[0], batches[-1]
    return max(1, sum(len(batch.ids) for batch in batches[1:])) / max(0.001, last.at - first.at)
