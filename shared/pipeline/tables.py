"""The tables that every service has, so that it can publish and hear. Created by each service's migrations."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

metadata = MetaData()

ROOM = "85"
"""Per cent to which pages are filled of tables whose rows are written again with each event of a customer. The new form
of a row then finds room beside the former one: no second page is written, and no index."""
TRACE = "the trace of what led to it, if one did (W3C)"

stream_head = Table(
    "stream_head",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("sequence", Integer, nullable=False, comment="of the newest event of this stream published here"),
    postgresql_with={"fillfactor": ROOM},
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("stream", Text, nullable=False, comment="or member/key id, for a row of the keys topic"),
    Column("sequence", Integer, comment="none for a row of the keys topic"),
    Column("event_id", UUID, comment="none for a row of the keys topic"),
    Column(
        "body",
        LargeBinary,
        nullable=False,
        comment="the event without its sequence, or a record of the keys topic",
    ),
    comment="What is committed and not yet known to be in Kafka",
    postgresql_with={
        "autovacuum_vacuum_scale_factor": "0",
        "autovacuum_vacuum_threshold": "20000",
        "autovacuum_vacuum_insert_scale_factor": "0",
        "autovacuum_vacuum_insert_threshold": "1000000000",
    },
)

relay_sent = Table(
    "relay_sent",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger, nullable=False, comment="one beyond the highest acknowledged offset"),
)

consumer_offset = Table(
    "consumer_offset",
    metadata,
    Column("subscription", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger, nullable=False),
    Column(
        "replay_until",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="what lies before it was there when the reading began, or began anew: "
        "nothing is derived until it is read",
    ),
)

due = Table(
    "due",
    metadata,
    Column("task", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, comment="when it is to be worked out again"),
    Column("history", Boolean, nullable=False, comment="whether only history says so"),
    Column("version", BigInteger, nullable=False, server_default=text("1"), comment="how often it was marked"),
    Column("traceparent", Text, comment=TRACE),
    Index("due_at", "task", "at"),
    comment="What is to be worked out anew, because something changed or because its time comes",
    postgresql_with={"fillfactor": ROOM},
)

head_reported = Table(
    "head_reported",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("sequence", Integer, nullable=False, comment="that the newest report of this service's heads named"),
)

heard_from = Table(
    "heard_from",
    metadata,
    Column("source", Text, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, comment="of the newest report of its heads"),
    Column("left", DateTime(timezone=True), comment="when the company gave that block up, if it did"),
    comment="When each other service last gave a sign of life: what is known from it is so old at least",
)

heard = Table(
    "heard",
    metadata,
    Column("slice", Text, primary_key=True),
    Column("subscription", Text, nullable=False, comment="through which the slice moves along the log"),
    Column("types", ARRAY(Text), nullable=False, comment="what it has heard from the beginning of the log on"),
)

activation = Table(
    "activation",
    metadata,
    Column("subscription", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, nullable=False, comment="what lies before it is history; kept across rebuilds"),
    Column(
        "at",
        DateTime(timezone=True),
        server_default=text("now()"),
        comment="when it first started; of what was there before this was noted, as near as could be told",
    ),
)

position = Table(
    "position",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("subscription", Text, primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("event_id", UUID, nullable=False),
    postgresql_with={"fillfactor": ROOM},
)

parked_stream = Table(
    "parked_stream",
    metadata,
    Column("subscription", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("kind", Text, nullable=False, comment="poison, gap, fork or malformed"),
    Column("reason", Text, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

parked_event = Table(
    "parked_event",
    metadata,
    Column("subscription", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    Column("source", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("key", LargeBinary),
    Column("value", LargeBinary),
    Index("parked_event_stream", "subscription", "source", "stream", "offset"),
)

skipped_event = Table(
    "skipped_event",
    metadata,
    Column("subscription", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    Column("source", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("sequence", Integer),
    Column("reason", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    comment="What a person decided to leave out, and why",
)

intent = Table(
    "intent",
    metadata,
    Column("event_id", UUID, primary_key=True),
    Column("effect", Text, primary_key=True),
    Column("stream", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("expires", DateTime(timezone=True), nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_attempt", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("outcome", Text, comment="done, expired or failed; none while it is owed"),
    Column("last_error", Text),
    Column("traceparent", Text, comment=TRACE),
    Index("intent_owed", "next_attempt", postgresql_where=text("outcome IS NULL")),
    comment="Outward effects, kept across rebuilds so that none happens twice",
)

member_key = Table(
    "member_key",
    metadata,
    Column("member", UUID, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("key_id", Text, primary_key=True),
    Column("wrapped", Text, nullable=False),
    comment="Keys of personal fields, wrapped. Back up apart from the data, and for a limited time",
)

erased_member = Table(
    "erased_member",
    metadata,
    Column("member", UUID, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

command_result = Table(
    "command_result",
    metadata,
    Column("actor", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False, comment="HMAC of route and body"),
    Column("status", Integer, nullable=False),
    Column("answer", LargeBinary, nullable=False, comment="ids and times, no personal data"),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("command_result_at", "at"),
)

access_role = Table(
    "access_role",
    metadata,
    Column("name", Text, primary_key=True),
    Column("label", Text, nullable=False),
    Column("grants", JSONB, nullable=False, comment="a list of action, reach and fields"),
    comment="Roles of this department's own, beside those of the code",
)

ended_session = Table(
    "ended_session",
    metadata,
    Column("id", UUID(as_uuid=False), primary_key=True),
    Column("subject", Text, comment="whose; none: of the session only"),
    Column("session", Text, comment="the issuer's; none: all that this person had"),
    Column("at", DateTime(timezone=True), nullable=False, comment="tokens made later are good again"),
    Index("ended_session_at", "at"),
    comment="What no token is taken of any more, kept for as long as one could live",
)

audit_entry = Table(
    "audit_entry",
    metadata,
    Column("n", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("outcome", Text, nullable=False, comment="changed, looked or refused"),
    Column("subjects", ARRAY(Text), nullable=False, comment="streams, or names of what has no stream"),
    Column("why", Text, nullable=False, comment="the contact or case, if the actor said so"),
    Column("origin", Text, nullable=False),
    Column("detail", JSONB, nullable=False, comment="nothing personal: events, fields, claims, what was so before"),
    Index("audit_entry_actor", "actor", "n"),
    Index("audit_entry_subjects", "subjects", postgresql_using="gin"),
    Index("audit_entry_at", "at", postgresql_using="brin"),
    comment="Who did what; never changed and never deleted",
)

audit_link = Table(
    "audit_link",
    metadata,
    Column("pos", BigInteger, primary_key=True, autoincrement=False),
    Column("n", BigInteger, nullable=False, unique=True, comment="the entry"),
    Column("hash", LargeBinary, nullable=False, comment="SHA-256 of the former hash and the entry"),
    comment="The chain through the entries, by which one that is removed or changed is noticed",
)

export = Table(
    "export",
    metadata,
    Column("id", UUID(as_uuid=False), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("format", Text, nullable=False, comment="csv or ndjson"),
    Column("rows", Integer, nullable=False, server_default=text("0"), comment="that were handed over"),
    Column("ended", DateTime(timezone=True), comment="none: under way, or broken off by the end of the process"),
    Column(
        "complete", Boolean, nullable=False, server_default=text("false"), comment="whether the end was handed over"
    ),
    Index("export_at", "at"),
    comment="Files of customers that left this service",
)

export_member = Table(
    "export_member",
    metadata,
    Column("export", UUID(as_uuid=False), primary_key=True),
    Column("member", UUID(as_uuid=False), primary_key=True),
    Index("export_member_member", "member"),
    comment="Who is in which file; ids only, and kept when the person is erased",
)

APPEND_ONLY = (audit_entry.name, audit_link.name)
"""Tables in which no process of the service may change or delete a row."""
