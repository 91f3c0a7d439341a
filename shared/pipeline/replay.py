"""Plays the log to a block in a database of its own, sealed: nothing is said to Kafka, nobody outside is told.

Two ways to play the same stretch of the log, which are to end in the same state:

- ``as_live``: as if the block had been there from the start. All topics are merged by time, the clock stands where
  the events stand, and what is due by time alone is worked out at its time, once a day at least.
- ``join_late``: as a block does that is installed today. Topic by topic, all of it history, nothing is worked out
  before the end.

Facts that the block would publish are counted and dropped. Effects are owed in the database and never carried out.
Keys are read from the keys topics as they are now: what was erased since is erased from the beginning.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal

from confluent_kafka.admin import AdminClient
from sqlalchemy import Row, text

from shared.edge.db import copy_rows
from shared.events.envelope import message, parse
from shared.pipeline import keyreader, offsets, topics
from shared.pipeline.incoming import Incoming, of, read
from shared.pipeline.offsets import Partition
from shared.pipeline.reading import stretch
from shared.pipeline.receive import Subscription, receive
from shared.pipeline.service import Service
from shared.pipeline.subscriptions import Subscriptions
from shared.pipeline.tasks import Task, Tasks
from shared.pipeline.work import Work
from shared.pipeline.worker import register

MOST = 2_000
"""Messages of one transaction."""
DAY = timedelta(days=1)
MOST_ROUNDS = 10_000
"""A task that is due again at once, for ever, must not hold up a replay."""
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)

Ends = Mapping[Partition, int]
"""One beyond the last message of each partition that is played."""
By = Literal["recorded", "occurred"]
"""The time by which topics are merged: when an event was written down, or when it happened."""
Tell = Callable[[int, int], None]
"""So many messages of so many are done."""


class Clock:
    """Shows the instant to which it was set, and never goes back."""

    def __init__(self) -> None:
        self.now = EARLIEST

    def __call__(self) -> datetime:
        return self.now

    def reach(self, instant: datetime) -> None:
        self.now = max(self.now, instant)


@dataclass
class Outcome:
    """What came of a replay."""

    messages: int = 0
    first: datetime | None = None
    last: datetime | None = None
    facts: Counter[tuple[datetime, str]] = field(default_factory=Counter)
    """How often the block would have published a type, by the day of the clock."""
    heard: Counter[tuple[datetime, str]] = field(default_factory=Counter)
    """How many events of a type were played, by the day of the clock."""
    tasks_given_up: bool = False
    """Whether tasks were still due after the most rounds that are waited for."""


def ends(kafka: Mapping[str, str], sources: Iterable[str]) -> dict[Partition, int]:
    """How far the log goes now."""
    admin = AdminClient(dict(kafka))
    found: dict[Partition, int] = {}
    for topic in (source + topics.EVENTS for source in sources):
        found |= {(topic, p): end for p, end in topics.ends(admin, topic, topics.partitions_of(admin, topic)).items()}
    return found


class Replay:
    """One replay into one scratch database, whose tables are there and empty."""

    def __init__(
        self, service: Service, clock: Clock, subscriptions: Subscriptions, tasks: Sequence[Task], until: Ends
    ) -> None:
        """``service`` has the name of the block, the scratch database, and ``clock``."""
        self.service = service
        self.outcome = Outcome()
        self._clock = clock
        self._sources = subscriptions.sources
        self._until = until
        self._subscription, through = self._registered(subscriptions)
        self._tasks = Tasks(service, tasks, through, threading.Event())
        self._next: dict[Partition, int] = dict.fromkeys(until, 0)
        self._activations: Mapping[Partition, int] = {}

    def as_live(
        self,
        *,
        by: By = "recorded",
        finish: datetime | None = None,
        watch: Callable[[datetime], None] = lambda _: None,
        tell: Tell = lambda _done, _of: None,
    ) -> Outcome:
        """Play all as if the block had been there from the start. ``watch`` is called at the end of each day on which
        anything stood in the log or was due; ``finish``: the instant at which the clock stands at the end."""
        self._begin(late=False)
        self._spool(by)
        midnight: datetime | None = None
        for batch in self._merged():
            at = batch[0][0]
            midnight = midnight or _midnight_after(at)
            while at >= midnight:
                midnight = self._end_of_day(midnight, at, watch)
            self._take([message for _, message in batch], batch[-1][0])
            self._work_out()
            tell(self.outcome.messages, self._total)
        self._run_out(midnight, finish or self._clock.now, watch)
        return self.outcome

    def join_late(
        self, *, finish: datetime, order: Sequence[str] = (), tell: Tell = lambda _done, _of: None
    ) -> Outcome:
        """Play all as history, source by source in ``order``, and work out what follows at the end.

        Raises ``ValueError`` for an order of other sources than the block hears."""
        if order and set(order) != set(self._sources):
            raise ValueError(f"the order must name each of {', '.join(self._sources)}")
        self._begin(late=True)
        self._clock.reach(finish)
        for source in order or self._sources:
            for batch in self._logged(source):
                for begin in range(0, len(batch), MOST):
                    self._take(batch[begin : begin + MOST], finish)
                    tell(self.outcome.messages, self._total)
        self._work_out()
        return self.outcome

    @property
    def _total(self) -> int:
        return sum(self._until.values())

    def _registered(self, subscriptions: Subscriptions) -> tuple[Subscription, dict[str, str]]:
        share = 1.0  # of parked streams: a replay goes on to the end, and says how many there are
        [moving] = self._transact(lambda work: register(work, subscriptions, self.service, share))
        return moving, {each.name: moving.name for each in moving.slices}

    def _transact(self, body: Callable[[Work], Any]) -> Any:
        return self.service.transact(self.service.itself, body)

    def _begin(self, *, late: bool) -> None:
        keyreader.catch_up(self.service, sorted({*self._sources, self.service.name}))
        name = self._subscription.name
        until = dict(self._until) if late else dict.fromkeys(self._until, 0)
        self._transact(lambda work: offsets.start(work.session, name, until, history=late))
        self._activations = until
        self._drop()

    def _logged(self, source: str) -> Iterator[list[Incoming]]:
        for batch in stretch(self.service.kafka, source + topics.EVENTS, {}):
            yield [m for m in map(read, batch) if m.offset < self._until.get(m.stands, 0)]

    def _spool(self, by: By) -> None:
        """Put the log into the scratch database, in the order in which it is played: by time, but never against the
        order of a stream.

        An event is played no earlier than what stands before it in its stream. Where that would put a history that
        was brought in later to the day of its bringing in, what stands before it is played earlier instead. A time
        to come, by a wrong clock, is that of the writing down.
        """
        self._transact(lambda work: work.session.execute(_SPOOL))
        for source in self._sources:
            for batch in self._logged(source):
                rows = [_row(m, by) for m in batch]
                self._transact(lambda work, r=rows: copy_rows(work.session, "replayed", _COLUMNS, r))  # type: ignore[misc]
        self._transact(_put_in_order)

    def _merged(self) -> Iterator[list[tuple[datetime, Incoming]]]:
        """What was spooled in the order of time, in batches that end with a day at the latest."""
        done = 0
        while rows := self._transact(partial(_page, done)):
            batch: list[tuple[datetime, Incoming]] = []
            for place, at, topic, partition, offset, key, value in rows:
                if batch and at >= _midnight_after(batch[0][0]):
                    yield batch
                    batch = []
                batch.append((at, of(topic, partition, offset, key, value)))
                done = place
            yield batch

    def _take(self, incoming: Sequence[Incoming], at: datetime) -> None:
        if not incoming:
            return
        self._clock.reach(at)
        outcome, expected = self.outcome, {m.stands: self._next[m.stands] for m in incoming}
        self._transact(lambda work: receive(work, self._subscription, incoming, expected, self._activations))
        for m in incoming:
            self._next[m.stands] = max(self._next[m.stands], m.offset + 1)
        outcome.messages += len(incoming)
        outcome.heard.update((_day_of(at), m.envelope.type) for m in incoming if m.envelope)
        outcome.first, outcome.last = outcome.first or self._clock.now, self._clock.now

    def _work_out(self) -> None:
        for _ in range(MOST_ROUNDS):
            if not self._tasks.round():
                break
        else:
            self.outcome.tasks_given_up = True
        self._drop()

    def _end_of_day(self, midnight: datetime, at: datetime, watch: Callable[[datetime], None]) -> datetime:
        """Let the clock come to midnight; gives the next midnight before which something is to be done."""
        self._clock.reach(midnight)
        self._work_out()
        watch(midnight)
        due = self._next_due()
        return max(midnight + DAY, _midnight_after(min(at, due or at) - DAY))

    def _run_out(self, midnight: datetime | None, finish: datetime, watch: Callable[[datetime], None]) -> None:
        while midnight is not None and midnight <= finish:
            midnight = self._end_of_day(midnight, finish, watch)
        self._clock.reach(finish)
        self._work_out()
        watch(finish)

    def _next_due(self) -> datetime | None:
        found: datetime | None = self._transact(lambda work: work.session.scalar(text("SELECT min(at) FROM due")))
        return found

    def _drop(self) -> None:
        """Count the facts that wait to be sent, and drop them."""
        # What is worked out at midnight belongs to the day that ends.
        day = _day_of(self._clock.now - timedelta(microseconds=1))
        for row in self._transact(lambda work: work.session.execute(_TAKE_UNSENT).all()):
            if row.sequence is not None:
                sealed = parse(message(row.body, row.sequence), source=self.service.name, stream=row.stream)
                self.outcome.facts[day, sealed.type] += 1


def _row(m: Incoming, by: By) -> tuple[Any, ...]:
    e, at, history = m.envelope, EARLIEST, False
    if e is not None and by == "occurred":
        at, history = min(e.time, e.recordedtime), e.history
    elif e is not None:
        at = e.recordedtime
    return at, history, m.topic, m.partition, m.offset, m.key, m.value


def _page(after: int, work: Work) -> Sequence[Row[Any]]:
    return work.session.execute(_NEXT, {"after": after, "most": MOST}).all()


def _put_in_order(work: Work) -> None:
    for statement in _ORDER:
        work.session.execute(statement)


def _day_of(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _midnight_after(instant: datetime) -> datetime:
    return _day_of(instant) + DAY


_COLUMNS = ("at", "history", "topic", "partition", '"offset"', "key", "value")
_SPOOL = text("""
CREATE UNLOGGED TABLE replayed (at timestamptz, history boolean, topic text, partition int, "offset" bigint, key bytea,
                                value bytea)
""")
_ORDER = (
    text("""
CREATE UNLOGGED TABLE replayed_in_order AS
SELECT row_number() OVER (ORDER BY at, topic, partition, "offset") AS place, r.* FROM (
  SELECT max(at) OVER (PARTITION BY topic, partition, key ORDER BY "offset") AS at,
         topic, partition, "offset", key, value
  FROM (
    SELECT least(at, min(at) FILTER (WHERE history) OVER later) AS at, topic, partition, "offset", key, value
    FROM replayed WINDOW later AS (PARTITION BY topic, partition, key ORDER BY "offset" DESC)
  ) b
) r
"""),
    text("ALTER TABLE replayed_in_order ADD PRIMARY KEY (place)"),
    text("DROP TABLE replayed"),
)
_NEXT = text("""
SELECT place, at, topic, partition, "offset", key, value FROM replayed_in_order
WHERE place > :after ORDER BY place LIMIT :most
""")
_TAKE_UNSENT = text("DELETE FROM outbox RETURNING stream, sequence, body")
