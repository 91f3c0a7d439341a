"""The tables of the pipeline, of the claims, and of the first slices."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.pipeline import version1

revision = "0001"
down_revision = None


def upgrade() -> None:
    version1.pipeline()
    version1.customers()
    _contacts()
    _cases()
    _imports()
    _choices()


def _contacts() -> None:
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
            ["customer_record.member"],
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
        "presence",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("agent", "queue"),
    )


def _cases() -> None:
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
            ["customer_record.member"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("customer_case_member", "customer_case", ["member", "requested"], unique=False)
    op.create_index(
        "customer_case_open", "customer_case", ["requested"], unique=False, postgresql_where=sa.text("state = 'open'")
    )


def _imports() -> None:
    op.create_table(
        "imported",
        sa.Column("origin", sa.Text(), nullable=False, comment="the other system's name"),
        sa.Column("key", sa.LargeBinary(), nullable=False, comment="hash of the row's key; stays after an erasure"),
        sa.Column("member", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("cells", postgresql.JSONB(), nullable=False, comment="target -> hash of what the last file said"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["member"],
            ["customer_record.member"],
        ),
        sa.PrimaryKeyConstraint("origin", "key"),
    )
    op.create_index("imported_member", "imported", ["member"], unique=False)


def _choices() -> None:
    op.create_table(
        "choice",
        sa.Column("kind", sa.Text(), nullable=False, comment="reason, outcome or queue"),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("label_en", sa.Text(), nullable=False),
        sa.Column("label_es", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False, comment="in the list"),
        sa.PrimaryKeyConstraint("kind", "code"),
    )
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
