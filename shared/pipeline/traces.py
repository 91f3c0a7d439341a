"""From which click each thing follows that a unit of work leaves behind.

A request has one trace. A batch of events has many, and so has a turn of a task: what is said of a customer, or marked
for it, belongs to the trace of the newest event of this customer in the batch, or of the key that was due. Where none
is known for it, all that the work follows from may still be of one trace; else it begins one of its own, so that no
event is without.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from shared.edge import tracing
from shared.events.envelope import Event


class Traces:
    """The traces of one unit of work."""

    def __init__(self) -> None:
        self._common = tracing.current()
        self._own = ""
        self._look: Callable[[], Mapping[str, str]] | None = None
        self._by: Mapping[str, str] | None = None

    def after(self, events: Sequence[Event]) -> None:
        """What comes now follows from these events."""
        first = events[0].envelope.traceparent if events else None
        if all(event.envelope.traceparent == first for event in events):
            self._common, self._look, self._by = first, None, None
        else:
            # Put together when it is asked for: most handlers keep what they hear, and say nothing.
            self._common, self._look, self._by = None, partial(_by_name, events), None

    def after_keys(self, traces: Mapping[str, str | None]) -> None:
        """What comes now follows from keys that were due, each for a trace of its own."""
        known = set(traces.values())
        self._common = known.pop() if len(known) == 1 else None
        self._look, self._by = None, {key: trace for key, trace in traces.items() if trace}

    def of(self, name: str = "") -> str | None:
        """The trace to which belongs what is said of a stream, or marked for a key; none if it isn't known."""
        if self._by is None and self._look is not None:
            self._by = self._look()
        if self._by:
            found = self._by.get(name) or self._by.get(name.partition("/")[2])
            if found:
                return found
        return self._common

    def certain(self, name: str = "") -> str:
        """The same, or a trace that begins with this work."""
        found = self.of(name)
        if found is None:
            found = self._own = self._own or tracing.new()
        return found


def _by_name(events: Sequence[Event]) -> dict[str, str]:
    """Of each stream, and of what it is about, the newest event's."""
    found = {}
    for event in events:
        if trace := event.envelope.traceparent:
            found[event.stream] = found[event.stream.partition("/")[2]] = trace
    return found
