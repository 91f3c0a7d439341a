"""The envelope of every event: CloudEvents 1.0, structured mode, one JSON object.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md. ``sequence``, ``recordedtime``, ``authid``,
``traceparent``, ``cause`` and ``history`` are extension attributes. ``sequence`` is a text of ten digits, as the
CloudEvents extension of that name asks for one that sorts, and always stands last, because the database gives it
when the rest is already written (see ``body`` and ``message``).
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache

import msgspec
import uuid_utils

from shared.events.facts import FACT_TYPES, Fact, FactType, Instant

CONTENT_TYPE = b"application/cloudevents+json"
HEADERS: list[tuple[str, str | bytes | None]] = [("content-type", CONTENT_TYPE)]
LARGEST = 900_000
"""Bytes of one message; Kafka's default limit is 1 MiB with its overhead."""


def new_id() -> str:
    """A UUIDv7: unique, and rising with the time of its making."""
    return str(uuid_utils.uuid7())


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """All that is known of an event without looking at its data."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: Instant
    recordedtime: Instant
    dataschema: str
    authid: str = ""
    traceparent: str | None = None
    """The trace of the click that it follows from (W3C Trace Context): random ids, nothing personal."""
    cause: str | None = None
    """The id of the event that this one follows from, if any."""
    history: bool = False
    """It follows from history (a replay, a block that joined late): nobody is to be contacted because of it."""
    data: msgspec.Raw = msgspec.Raw(b"{}")
    digits: str = msgspec.field(name="sequence")

    @property
    def sequence(self) -> int:
        return int(self.digits)


class _Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    recordedtime: datetime
    dataschema: str
    authid: str
    traceparent: str | None = None
    cause: str | None = None
    history: bool = False
    data: msgspec.Raw


class Event(msgspec.Struct, frozen=True, gc=False):
    """An event as a handler gets it. ``fact`` is opened; it is none where no handler asked for its type."""

    envelope: Envelope
    fact: Fact | None = None
    live: bool = True
    """False for history: before the subscription's activation, or following from what is history."""

    @property
    def id(self) -> str:
        return self.envelope.id

    @property
    def type(self) -> str:
        return self.envelope.type

    @property
    def source(self) -> str:
        return self.envelope.source

    @property
    def stream(self) -> str:
        return self.envelope.subject

    @property
    def sequence(self) -> int:
        return self.envelope.sequence

    @property
    def occurred(self) -> datetime:
        return self.envelope.time


class Malformed(Exception):
    """This message is not an event that can be read. The text says why."""


class UnknownVersion(Malformed):
    """The data has a newer version than this release knows; after an upgrade it can be read."""


_SEQUENCE = re.compile(r"[0-9]{10}")
_VERSION = re.compile(r"[1-9][0-9]{0,8}")
UUID_TEXT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_decoder = msgspec.json.Decoder(Envelope)
_encoder = msgspec.json.Encoder()


def body(
    fact_type: FactType,
    data: object,
    *,
    id: str,
    source: str,
    stream: str,
    occurred: datetime,
    recorded: datetime,
    author: str,
    traceparent: str | None = None,
    cause: str | None = None,
    history: bool = False,
) -> bytes:
    """The event without its sequence and closing brace. ``data`` is the sealed fact in built-in types.

    Raises ``ValueError`` for an event too large to be sent.
    """
    encoded = _encoder.encode(
        _Body(
            specversion="1.0",
            id=id,
            source=source,
            type=fact_type.name,
            subject=stream,
            time=occurred,
            recordedtime=recorded,
            dataschema=fact_type.dataschema,
            authid=author,
            traceparent=traceparent,
            cause=cause,
            history=history,
            data=msgspec.Raw(_encoder.encode(data)),
        )
    )
    if len(encoded) > LARGEST:
        raise ValueError(f"{fact_type.name} has {len(encoded)} bytes; an event may have {LARGEST}")
    return encoded[:-1]


def message(body: bytes, sequence: int) -> bytes:
    """The event as it is sent: the stored body completed with its sequence."""
    return b'%b,"sequence":"%010d"}' % (body, sequence)


def parse(message: bytes | None, *, source: str, stream: str) -> Envelope:
    """Read a message that was found under key ``stream`` in the topic of service ``source``.

    Raises ``Malformed`` when it isn't an event, is another stream's or publisher's than it says, or is of a type
    that doesn't belong to such a stream.
    """
    if message is None:
        raise Malformed("the message has no value")
    try:
        envelope = _decoder.decode(message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"not an event: {error}") from None
    if envelope.specversion != "1.0":
        raise Malformed(f"CloudEvents version {envelope.specversion[:20]!r} is not known")
    if not _SEQUENCE.fullmatch(envelope.digits) or not 0 < int(envelope.digits) < 2**31:
        raise Malformed(f"sequence {envelope.digits[:20]!r} is not ten digits from 1")
    if not UUID_TEXT.fullmatch(envelope.id):
        raise Malformed(f"id {envelope.id[:40]!r} is not a UUID")
    if envelope.source != source or envelope.subject != stream:
        raise Malformed("source and subject are not those of the topic and key it was found under")
    kind = _kind_of(stream)
    if kind is None:
        raise Malformed("the stream names no member of a customer")
    fact_type = FACT_TYPES.get(envelope.type)
    if fact_type is not None and fact_type.stream not in ("", kind):
        raise Malformed(f"{fact_type.name} belongs to a stream of kind {fact_type.stream}")
    return envelope


@lru_cache(maxsize=1_000)
def _kind_of(stream: str) -> str | None:
    # Whatever comes later takes the member for a UUID, and personal fields for a member's.
    kind, _, name = stream.partition("/")
    return None if kind == "customer" and not UUID_TEXT.fullmatch(name) else kind


def known_type(envelope: Envelope) -> FactType | None:
    """The registered type of the event, or none when this release doesn't know it (it is then ignored).

    Raises ``UnknownVersion`` when its data are newer than this release.
    """
    fact_type = FACT_TYPES.get(envelope.type)
    if fact_type is None:
        return None
    if version_of(envelope) > fact_type.version:
        raise UnknownVersion(f"{envelope.dataschema[:80]} is newer than version {fact_type.version}, known here")
    return fact_type


def version_of(envelope: Envelope) -> int:
    """The version in ``dataschema``. Raises ``Malformed`` when it isn't of this platform's form."""
    name, _, version = envelope.dataschema.rpartition(":")
    if name != f"urn:crm:{envelope.type}" or not _VERSION.fullmatch(version):
        raise Malformed(f"dataschema {envelope.dataschema[:80]!r} doesn't name the type and a version")
    return int(version)
