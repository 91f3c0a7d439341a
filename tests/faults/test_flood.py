"""A flood in which one stream in a hundred is poisoned: everybody else's state is complete, and hardly later."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy.orm import Session

from shared.events.callcenter import ContactWrappedUp
from shared.events.envelope import Event
from shared.pipeline import parking
from shared.pipeline.consumer import Stopped
from shared.pipeline.receive import redrive
from shared.pipeline.subscriptions import EVERYTHING, Slice
from shared.pipeline.work import Work
from tests.faults.harness import PATIENCE_SECONDS
from tests.probe import ANNA, Pair, make_pair, make_service, new_member, publish, record, seen, unique, until
from tests.servers import KafkaServer, PostgresServer

STREAMS = 2_000
TURNS = 10
POISONED_TURN = 1
EVERY = 100
RUNS = 3
SLOWER = 2
"""Times the work without poison. A batch whose poison a handler names is written three times: in the hope that it is
sound, to find all that is bad, and without that. Which batches these are is up to how Kafka hands them out."""


class Hearing:
    """A handler that can't take some events until it is mended, the work that it did and the time it took."""

    def __init__(self, *, mended: bool) -> None:
        self.mended = mended
        self.first = self.last = 0.0
        self.written = 0
        """Rows, those that were rolled back and written again included."""

    def handle(self, work: Work, events: list[Event]) -> None:
        self.first = self.first or time.monotonic()
        for number, event in enumerate(events):
            if not self.mended and isinstance(event.fact, ContactWrappedUp) and event.fact.note == "poison":
                if number % 2:
                    work.reject(event, "poison")
                else:
                    raise ArithmeticError("poison")
        record(work, events)
        self.written += len(events)
        self.last = time.monotonic()

    @property
    def seconds(self) -> float:
        return self.last - self.first

    @property
    def slices(self) -> tuple[Slice, ...]:
        return (Slice("record", {EVERYTHING: self.handle, "contact.wrapped_up": self.handle}, derived=(seen,)),)


@pytest.fixture(scope="module")
def flood(kafka: KafkaServer, postgres: PostgresServer) -> Iterator[tuple[Pair, set[str]]]:
    """A publisher whose log is full, and the poisoned streams."""
    pair = make_pair(kafka, postgres)
    members = [new_member() for _ in range(STREAMS)]
    poisoned = set(members[::EVERY])
    for turn in range(TURNS):
        notes = {m: "poison" if m in poisoned and turn == POISONED_TURN else str(turn) for m in members}
        publish(pair.publisher, *notes.items())
    with pair.relaying():
        until(lambda: pair.unsent() == 0, PATIENCE_SECONDS)
    yield pair, {f"customer/{member}" for member in poisoned}
    pair.close()


@contextmanager
def hearer(
    source: Pair, hearing: Hearing, kafka: KafkaServer, postgres: PostgresServer, share: float = 0.5
) -> Iterator[Pair]:
    """A new service that hears the log from its beginning."""
    service = make_service(kafka, postgres.database("hearer"), unique("hearer"))
    yield Pair(source.publisher, service, hearing.slices, share)
    service.wakeup.close()
    service.engine.dispose()


@pytest.mark.timeout(600)
def test_everybody_else_is_served_in_time_and_the_rest_later(
    flood: tuple[Pair, set[str]], kafka: KafkaServer, postgres: PostgresServer
) -> None:
    source, poisoned = flood
    everything = STREAMS * TURNS
    behind = len(poisoned) * (TURNS - POISONED_TURN)
    clean, slowed, written = [], [], []
    for run in range(RUNS):
        with hearer(source, hearing := Hearing(mended=True), kafka, postgres) as pair, pair.consuming():
            pair.heard(everything, PATIENCE_SECONDS)
            clean.append(hearing.seconds)
            expected = sorted(pair.rows())
        with hearer(source, hearing := Hearing(mended=False), kafka, postgres) as pair:
            with pair.consuming():
                rows = sorted(pair.heard(everything - behind, PATIENCE_SECONDS))
                slowed.append(hearing.seconds)
                written.append(hearing.written)
            ahead = {(stream, n) for stream in poisoned for n in range(POISONED_TURN + 1, TURNS + 1)}
            assert rows == [row for row in expected if row[:2] not in ahead]
            if run == RUNS - 1:
                _redrive(pair, hearing, poisoned)
                assert sorted(pair.rows()) == expected
                _in_order(pair.rows())
    work, seconds = max(written) / everything, min(slowed) / min(clean)
    print(
        f"{STREAMS} streams, {everything} events, 1 % poisoned: {work:.2f} times the work, {seconds:.2f} times the time"
    )
    # The work decides, as a busy machine changes the time of either run by more than the poison does.
    assert work <= SLOWER, f"rows written {written} of {everything}; clean {clean} s, poisoned {slowed} s"


def test_above_the_set_share_the_consumer_stops_with_the_reason(
    flood: tuple[Pair, set[str]], kafka: KafkaServer, postgres: PostgresServer
) -> None:
    source, _ = flood
    with hearer(source, Hearing(mended=False), kafka, postgres, share=0.005) as pair, pair.consuming():
        until(lambda: bool(pair.failures), PATIENCE_SECONDS, "it never stopped")
    failure = pair.failures[0]
    assert isinstance(failure, Stopped)
    assert "are parked, more than" in str(failure)


def _redrive(pair: Pair, hearing: Hearing, poisoned: set[str]) -> None:
    with Session(pair.hearer.engine) as session:
        parked = parking.listed(session)
    assert {each.stream for each in parked} == poisoned
    hearing.mended = True
    for each in parked:
        went, stay = pair.hearer.transact(
            ANNA,
            lambda work, p=(each.source, each.stream): redrive(work, pair.subscription, p),  # type: ignore[misc]
        )
        assert (went, stay) == (TURNS - POISONED_TURN, 0)


def _in_order(rows: list[tuple[str, int, str]]) -> None:
    reached: dict[str, int] = {}
    for stream, sequence, _ in rows:
        assert sequence == reached.get(stream, 0) + 1, f"{stream}: {sequence} after {reached.get(stream, 0)}"
        reached[stream] = sequence
