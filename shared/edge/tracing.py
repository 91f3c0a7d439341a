"""One id from a click to its last effect in another service: W3C Trace Context, without spans.

A request's ``traceparent`` is taken over, or one is made; it goes onto the events that the request leaves, from these
onto what follows from them in other services, and its trace id onto every line of the log on the way. Random, and of
a fixed form: nothing personal is in it, and what has another form is ignored. ``tracestate`` isn't taken over: it may
hold anything, and events are kept for ever. See docs/adr/0018.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from structlog.typing import EventDict

HEADER = b"traceparent"
ANSWERED = b"trace-id"
"""The header of every answer that names the trace, for people to quote."""
_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?", re.ASCII | re.DOTALL)
_LONGEST = 512
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
_KNOWN = "00"
_NEVER = "ff"
_SAMPLED = "01"
_ID = slice(3, 35)

_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def new() -> str:
    """A trace that begins here."""
    drawn = os.urandom(24).hex()
    return f"{_KNOWN}-{drawn[:32]}-{drawn[32:]}-{_SAMPLED}"


def read(text: str) -> str | None:
    """The same trace in the form of version 00; none if the text isn't of the form that W3C gives it."""
    found = _FORM.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        return None
    version, trace, span, flags = found.groups()
    if version == _NEVER or trace == _NO_TRACE or span == _NO_SPAN:
        return None
    # Later versions may say more behind the flags; version 00 ends there.
    if version == _KNOWN and found.end(4) != len(text):
        return None
    return f"{_KNOWN}-{trace}-{span}-{_SAMPLED if int(flags, 16) & 1 else '00'}"


def of_request(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The trace of a request, with a span of its own; a new one if it names none, or several."""
    named = [value for name, value in headers if name == HEADER]
    taken = read(named[0].decode("latin-1")) if len(named) == 1 else None
    return f"{taken[:36]}{os.urandom(8).hex()}{taken[52:]}" if taken else new()


def id_of(traceparent: str) -> str:
    """The id of the trace alone: 32 hexadecimal digits."""
    return traceparent[_ID]


def current() -> str | None:
    """The ``traceparent`` of what is being done, if it is known."""
    return _current.get()


def trace_id() -> str:
    """The id of the trace of what is being done, for people to quote; empty if there is none."""
    now = _current.get()
    return id_of(now) if now else ""


@contextmanager
def following(traceparent: str | None) -> Iterator[None]:
    """What is done inside belongs to this trace."""
    before = _current.set(traceparent)
    try:
        yield
    finally:
        _current.reset(before)


def outward() -> dict[str, str]:
    """Headers for a request to somebody else."""
    now = _current.get()
    return {"traceparent": now} if now else {}


def add_to_log(_: Any, __: str, line: EventDict) -> EventDict:
    """A processor of structlog's: the id of the trace, unless the line names one itself."""
    if now := _current.get():
        line.setdefault("trace_id", id_of(now))
    return line
