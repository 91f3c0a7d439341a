"""The pipeline's tables and those of the first slices."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    _tables()
    _choices()


def _tables() -> None:
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
        "choice",
        sa.Column("kind", sa.Text(), nullable=False, comment="reason, outcome or queue"),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("label_en", sa.Text(), nullable=False),
        sa.Column("label_es", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False, comment="in the list"),
        sa.PrimaryKeyConstraint("kind", "code"),
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
    op.create_table(
        "consumer_offset",
        sa.Column("subscription", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subscription", "topic", "partition"),
    )
    op.create_table(
        "custom_field",
        sa.Column("name", sa.Text(), nullable=False, comment="with its prefix: custom.contract"),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("occurred", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "event_id", sa.Text(), nullable=False, comment="of two definitions the later stands, by (occurred, id)"
        ),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "customer",
        sa.Column("member", sa.UUID(as_uuid=False), nullable=False),
        sa.Column(
            "registered", sa.DateTime(timezone=True), nullable=True, comment="none while only edits were heard of"
        ),
        sa.Column("erased", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "states",
            postgresql.JSONB(),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="field -> folded state",
        ),
        sa.Column("changed", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("member"),
        comment="A writer locks the rows of all its members, in order, before it reads their claims",
    )
    op.create_table(
        "erased_member",
        sa.Column("member", sa.UUID(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("member"),
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
        "intent",
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
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
        "position",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("subscription", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "source", "subscription"),
    )
    op.create_table(
        "presence",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("agent", "queue"),
    )
    op.create_table(
        "relay_sent",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False, comment="one beyond the highest acknowledged offset"),
        sa.PrimaryKeyConstraint("topic", "partition"),
    )
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
    op.create_table(
        "stream_head",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column(
            "sequence", sa.Integer(), nullable=False, comment="of the newest event of this stream published here"
        ),
        sa.PrimaryKeyConstraint("stream"),
    )
    op.create_table(
        "claim",
        sa.Column("member", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("field", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("value", sa.Text(collation="C"), nullable=False),
        sa.Column("saw", sa.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.Column("occurred", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(collation="C"), nullable=False),
        sa.Column("author", sa.Text(collation="C"), nullable=False),
        sa.ForeignKeyConstraint(
            ["member"],
            ["customer.member"],
        ),
        sa.PrimaryKeyConstraint("member", "field", "id"),
    )
    op.create_index("claim_field", "claim", ["field"], unique=False, postgresql_where=sa.text("field LIKE 'custom.%'"))
    op.create_table(
        "contact",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("member", sa.UUID(as_uuid=False), nullable=False),
        sa.Column(
            "call", sa.Text(), nullable=True, comment="the telephone system's id; a repeat of it is the same contact"
        ),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False, comment="personal: as it was shown"),
        sa.Column("state", sa.Text(), nullable=False, comment="offered, answered, ended, wrapped_up or abandoned"),
        sa.Column(
            "offered_to", sa.Text(), nullable=True, comment="an agent; none when anybody of the queue may answer"
        ),
        sa.Column("agent", sa.Text(), nullable=True, comment="who answered"),
        sa.Column("offered", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wrapped_up", sa.DateTime(timezone=True), nullable=True),
        sa.Column("abandoned", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("satisfaction", sa.SmallInteger(), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False, comment="personal"),
        sa.CheckConstraint("satisfaction BETWEEN 1 AND 5", name="contact_satisfaction"),
        sa.ForeignKeyConstraint(
            ["member"],
            ["customer.member"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("call"),
    )
    op.create_index("contact_member", "contact", ["member", "offered"], unique=False)
    op.create_index(
        "contact_open", "contact", ["agent"], unique=False, postgresql_where=sa.text("state IN ('answered', 'ended')")
    )
    op.create_index(
        "contact_waiting", "contact", ["queue", "offered"], unique=False, postgresql_where=sa.text("state = 'offered'")
    )
    op.create_table(
        "imported",
        sa.Column("origin", sa.Text(), nullable=False, comment="the other system's name"),
        sa.Column("key", sa.LargeBinary(), nullable=False, comment="hash of the row's key; stays after an erasure"),
        sa.Column("member", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("cells", postgresql.JSONB(), nullable=False, comment="target -> hash of what the last file said"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["member"],
            ["customer.member"],
        ),
        sa.PrimaryKeyConstraint("origin", "key"),
    )
    op.create_index("imported_member", "imported", ["member"], unique=False)
    op.create_table(
        "search_term",
        sa.Column("kind", sa.Text(collation="C"), nullable=False, comment="phone, email or name"),
        sa.Column("term", sa.Text(collation="C"), nullable=False),
        sa.Column("member", sa.UUID(as_uuid=False), nullable=False),
        sa.ForeignKeyConstraint(
            ["member"],
            ["customer.member"],
        ),
        sa.PrimaryKeyConstraint("kind", "term", "member"),
    )
    op.create_index("search_term_member", "search_term", ["member"], unique=False)
    op.create_table(
        "customer_case",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("member", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("contact", sa.UUID(as_uuid=False), nullable=True, comment="at which it was opened"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="personal"),
        sa.Column("state", sa.Text(), nullable=False, comment="open or resolved"),
        sa.Column("requested", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("resolved", sa.DateTime(timezone=True), nullable=True),
        sa.Column("solution", sa.Text(), server_default="", nullable=False, comment="personal"),
        sa.Column("seconds_to_solution", sa.Double(), nullable=True),
        sa.Column("immediate", sa.Boolean(), nullable=True, comment="solved within three minutes of the request"),
        sa.ForeignKeyConstraint(
            ["contact"],
            ["contact.id"],
        ),
        sa.ForeignKeyConstraint(
            ["member"],
            ["customer.member"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("customer_case_member", "customer_case", ["member", "requested"], unique=False)
    op.create_index(
        "customer_case_open", "customer_case", ["requested"], unique=False, postgresql_where=sa.text("state = 'open'")
    )


def _choices() -> None:
    choice = sa.table("choice", *(sa.column(name) for name in ("kind", "code", "label_en", "label_es", "place")))
    op.bulk_insert(
        choice,
        [
            {"kind": kind, "code": code, "label_en": en, "label_es": es, "place": place}
            for kind, codes in CHOICES.items()
            for place, (code, en, es) in enumerate(codes)
        ],
    )


CHOICES = {
    "reason": [
        ("question", "Question", "Consulta"),
        ("order", "Order or change", "Pedido o cambio"),
        ("fault", "Fault or repair", "Avería o reparación"),
        ("billing", "Bill or payment", "Factura o pago"),
        ("complaint", "Complaint", "Queja"),
        ("cancellation", "Cancellation", "Baja"),
        ("other", "Something else", "Otro"),
    ],
    "outcome": [
        ("solved", "Solved", "Resuelto"),
        ("case_opened", "Case opened", "Caso abierto"),
        ("information_given", "Information given", "Información dada"),
        ("call_back", "To be called back", "Se devolverá la llamada"),
        ("not_solved", "Not solved", "No resuelto"),
        ("wrong_number", "Wrong number", "Número equivocado"),
    ],
    "queue": [
        ("general", "General", "General"),
        ("billing", "Billing", "Facturación"),
        ("technical", "Technical support", "Soporte técnico"),
        ("sales", "Sales", "Ventas"),
    ],
}
