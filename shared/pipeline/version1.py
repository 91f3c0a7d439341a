"""The first version of the tables that services share, as migrations make them.

What is here is never changed once it was released: a later version changes these tables by steps of its own, which
start from what stands here (see migrate).
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql


def pipeline() -> None:
    """Make the tables with which a service publishes and hears."""
    _publishing()
    _hearing()
    _parking()
    _effects_and_keys()


def customers() -> None:
    """Make the tables of a service that knows customers."""
    _claims()
    _records()
    _custom_fields()


def _publishing() -> None:
    op.create_table(
        "stream_head",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column(
            "sequence", sa.Integer(), nullable=False, comment="of the newest event of this stream published here"
        ),
        sa.PrimaryKeyConstraint("stream"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False, comment="or member/key id, for a row of the keys topic"),
        sa.Column("sequence", sa.Integer(), nullable=True, comment="none for a row of the keys topic"),
        sa.Column("event_id", sa.UUID(), nullable=True, comment="none for a row of the keys topic"),
        sa.Column(
            "body",
            sa.LargeBinary(),
            nullable=False,
            comment="the event without its sequence, or a record of the keys topic",
        ),
        sa.PrimaryKeyConstraint("id"),
        comment="What is committed and not yet known to be in Kafka",
        postgresql_with={
            "autovacuum_vacuum_scale_factor": "0",
            "autovacuum_vacuum_threshold": "20000",
            "autovacuum_vacuum_insert_scale_factor": "0",
            "autovacuum_vacuum_insert_threshold": "1000000000",
        },
    )
    op.create_table(
        "relay_sent",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False, comment="one beyond the highest acknowledged offset"),
        sa.PrimaryKeyConstraint("topic", "partition"),
    )
    op.create_table(
        "command_result",
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False, comment="HMAC of route and body"),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False, comment="ids and times, no personal data"),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("actor", "key"),
    )
    op.create_index("command_result_at", "command_result", ["at"], unique=False)


def _hearing() -> None:
    op.create_table(
        "consumer_offset",
        sa.Column("subscription", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subscription", "topic", "partition"),
    )
    op.create_table(
        "heard",
        sa.Column("slice", sa.Text(), nullable=False),
        sa.Column("subscription", sa.Text(), nullable=False, comment="through which the slice moves along the log"),
        sa.Column(
            "types", sa.ARRAY(sa.Text()), nullable=False, comment="what it has heard from the beginning of the log on"
        ),
        sa.PrimaryKeyConstraint("slice"),
    )
    op.create_table(
        "activation",
        sa.Column("subscription", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column(
            "offset", sa.BigInteger(), nullable=False, comment="what lies before it is history; kept across rebuilds"
        ),
        sa.PrimaryKeyConstraint("subscription", "topic", "partition"),
    )
    op.create_table(
        "position",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("subscription", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "source", "subscription"),
    )


def _parking() -> None:
    op.create_table(
        "parked_stream",
        sa.Column("subscription", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="poison, gap, fork or malformed"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("subscription", "source", "stream"),
    )
    op.create_table(
        "parked_event",
        sa.Column("subscription", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=True),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("subscription", "topic", "partition", "offset"),
    )
    op.create_index("parked_event_stream", "parked_event", ["subscription", "source", "stream", "offset"], unique=False)
    op.create_table(
        "skipped_event",
        sa.Column("subscription", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("subscription", "topic", "partition", "offset"),
        comment="What a person decided to leave out, and why",
    )


def _effects_and_keys() -> None:
    op.create_table(
        "intent",
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_attempt", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True, comment="done, expired or failed; none while it is owed"),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("event_id", "effect"),
        comment="Outward effects, kept across rebuilds so that none happens twice",
    )
    op.create_index(
        "intent_owed", "intent", ["next_attempt"], unique=False, postgresql_where=sa.text("outcome IS NULL")
    )
    op.create_table(
        "member_key",
        sa.Column("member", sa.UUID(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("member", "source", "key_id"),
        comment="Keys of personal fields, wrapped. Back up apart from the data, and for a limited time",
    )
    op.create_table(
        "erased_member",
        sa.Column("member", sa.UUID(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("member"),
    )


def _claims() -> None:
    op.create_table(
        "claim",
        sa.Column("member", sa.UUID(), nullable=False),
        sa.Column("field", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column(
            "value",
            sa.Text(collation="C"),
            nullable=False,
            comment="personal, in the clear; deleted when the member is erased",
        ),
        sa.Column("saw", sa.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.Column("occurred", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(collation="C"), nullable=False),
        sa.Column("author", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("member", "field", "id"),
    )
    op.create_index("claim_custom", "claim", ["field"], unique=False, postgresql_where=sa.text("field LIKE 'custom.%'"))


def _records() -> None:
    op.create_table(
        "customer_record",
        sa.Column("member", sa.UUID(), nullable=False),
        sa.Column(
            "registered",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="first known of; none once the member is erased",
        ),
        sa.Column(
            "states",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="FieldState by field",
        ),
        sa.Column(
            "name", sa.Text(), server_default=sa.text("''"), nullable=False, comment="words to search, see plain"
        ),
        sa.Column("phone", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("email", sa.Text(), server_default=sa.text("''"), nullable=False, comment="without capitals"),
        sa.PrimaryKeyConstraint("member"),
        comment="What the claims of each member fold to; also the row by which a member is locked",
    )
    op.create_index(
        "customer_record_email",
        "customer_record",
        ["email"],
        unique=False,
        postgresql_ops={"email": "text_pattern_ops"},
    )
    op.create_index(
        "customer_record_name",
        "customer_record",
        [sa.literal_column("to_tsvector('simple', name)")],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(
        "customer_record_phone",
        "customer_record",
        [sa.literal_column("reverse(phone)").label("backwards")],
        unique=False,
        postgresql_ops={"backwards": "text_pattern_ops"},
    )
    op.create_index(
        "customer_record_registered", "customer_record", [sa.literal_column("registered DESC"), "member"], unique=False
    )


def _custom_fields() -> None:
    op.create_table(
        "custom_field",
        sa.Column("name", sa.Text(collation="C"), nullable=False, comment="with its prefix: custom.contract"),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("choices", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("occurred", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "event_id",
            sa.Text(collation="C"),
            nullable=False,
            comment="of two definitions the later stands, by (occurred, id)",
        ),
        sa.PrimaryKeyConstraint("name"),
        comment="The newest definition of each department's field",
    )
