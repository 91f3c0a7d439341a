"""One unit of work: what a handler is given, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from shared.edge.errors import Invalid
from shared.events.envelope import LARGEST, Event, new_id
from shared.events.facts import Fact, FactType, type_of
from shared.pipeline.doing import Doing
from shared.pipeline.traces import Traces
from shared.texts import N_

LARGEST_FACT = LARGEST * 7 // 10
"""Bytes in the clear: sealing makes a text a third longer."""


class DueMark(NamedTuple):
    """When a key is to be worked out anew, whether only history says so, and of which trace it was marked."""

    at: datetime
    history: bool
    traceparent: str | None = None


Due = dict[tuple[str, str], DueMark]
Mark = tuple[int, int, int, frozenset[str], Due]


@dataclass(frozen=True)
class Published:
    """A fact that was collected and will be an event once the transaction commits."""

    id: str
    stream: str
    fact: Fact
    fact_type: FactType
    occurred: datetime
    cause: str | None
    history: bool
    traceparent: str
    former: Mapping[str, Any] | None = None
    """What was so before, where it isn't personal: for the audit log."""


class Changed(NamedTuple):
    """A change of which no fact tells, for the audit log."""

    subject: str
    detail: Mapping[str, Any]


class OwnKey(NamedTuple):
    """A member's key of the service that works, wrapped."""

    id: str
    wrapped: str


@dataclass(frozen=True)
class Rejected:
    """An event that a handler can't take, and why."""

    event: Event
    reason: str


@dataclass
class Work(Doing):
    """A session, an actor and a reading of the clock; collects facts, intents, rejections and live topics.

    A handler writes its tables through ``session`` and never commits.
    """

    facts: list[Published] = field(default_factory=list)
    key_records: list[tuple[str, bytes]] = field(default_factory=list)
    """What is to be said on the keys topic: (member/key id, record)."""
    own: dict[str, OwnKey | None] = field(default_factory=dict)
    """Members that were looked at already: the key of this service's own, none of an erased one (see keys.meet)."""
    touched: set[str] = field(default_factory=set)
    rejected: list[Rejected] = field(default_factory=list)
    intents: list[dict[str, Any]] = field(default_factory=list)
    changes: list[Changed] = field(default_factory=list)
    due: Due = field(default_factory=dict)
    """(task, key) -> when it is to be worked out anew (see due)."""
    traces: Traces = field(default_factory=Traces, repr=False)

    def publish(
        self,
        stream: str,
        fact: Fact,
        occurred: datetime | None = None,
        cause: Event | None = None,
        *,
        history: bool = False,
        former: Mapping[str, Any] | None = None,
        key: str = "",
    ) -> str:
        """Collect a fact for ``stream``; gives the id of the event that it will be.

        ``cause`` is the event that it follows from: what follows from history is history too. ``history`` says so of
        what follows from many. ``former``: what it replaces, for the audit log, which is never erased: of a
        customer's fields the ids of claims, and nothing personal. ``key``: which key was due for it, where that isn't
        whom the stream is about (see traces).

        Raises ``ValueError`` for a stream of another kind than the fact belongs to, and ``Invalid`` for a fact so
        large that it couldn't be sent: here, so that the event that led a handler to it is set aside.
        """
        fact_type = type_of(fact)
        if not stream.startswith(fact_type.stream and fact_type.stream + "/"):
            raise ValueError(f"{fact_type.name} belongs to a stream of kind {fact_type.stream}, not {stream}")
        if (size := len(msgspec.json.encode(fact))) > LARGEST_FACT:
            raise Invalid(
                N_("%(fact)s has %(size)s bytes; a fact may have %(most)s"),
                fact=fact_type.name,
                size=size,
                most=LARGEST_FACT,
            )
        event_id = new_id()
        history = history or (cause is not None and not cause.live)
        cause_id = cause.id if cause else None
        trace = (cause.envelope.traceparent if cause else None) or self.traces.certain(key or stream)
        at = occurred or self.now
        self.facts.append(Published(event_id, stream, fact, fact_type, at, cause_id, history, trace, former))
        return event_id

    def changed(self, subject: str, **detail: Any) -> None:
        """Say to the audit log that something changed of which no fact tells: what it is called, what was so before
        and is now. Nothing personal."""
        self.changes.append(Changed(subject, detail))

    def touch(self, *topics: str) -> None:
        """Name live topics whose open pages are to be told after the commit."""
        self.touched.update(topics)

    def reject(self, event: Event, reason: str) -> None:
        """Say that this event can't be handled, before anything was written for it: its stream will be parked.

        Better than raising, as the rest of the batch is then repeated once and not once an event.
        """
        self.rejected.append(Rejected(event, reason))

    def intend(self, event: Event, effect: str, payload: dict[str, Any], *, within: timedelta) -> None:
        """Owe the outside world an effect because of ``event``, once, unless it is history or too old."""
        if event.live:
            self.intents.append(
                {
                    "event_id": event.id,
                    "effect": effect,
                    "stream": event.stream,
                    "payload": payload,
                    "expires": event.occurred + within,
                    "traceparent": event.envelope.traceparent,
                }
            )

    def mark(self) -> Mark:
        """What is collected so far, to come back to with ``rewind`` when a savepoint is rolled back."""
        return len(self.facts), len(self.key_records), len(self.intents), frozenset(self.touched), dict(self.due)

    def rewind(self, mark: Mark) -> None:
        facts, key_records, intents, touched, due = mark
        del self.facts[facts:], self.key_records[key_records:], self.intents[intents:]
        self.touched, self.due = set(touched), dict(due)
        self.own.clear()
