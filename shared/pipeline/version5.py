"""The fifth version of the tables that services share: files of customers that left, and the audit log by time."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql


def exports() -> None:
    """Exports and who is in them; an index by which the audit log is searched for a time."""
    instant, id_ = sa.DateTime(timezone=True), postgresql.UUID(as_uuid=False)
    op.create_table(
        "export",
        sa.Column("id", id_, primary_key=True),
        sa.Column("at", instant, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False, comment="csv or ndjson"),
        sa.Column("rows", sa.Integer(), nullable=False, server_default=sa.text("0"), comment="that were handed over"),
        sa.Column("ended", instant, comment="none: under way, or broken off by the end of the process"),
        sa.Column(
            "complete",
            sa.Boolean(),
            nullable=False,
            server_default=sa.text("false"),
            comment="whether the end was handed over",
        ),
        comment="Files of customers that left this service",
    )
    op.create_index("export_at", "export", ["at"])
    op.create_table(
        "export_member",
        sa.Column("export", id_, primary_key=True),
        sa.Column("member", id_, primary_key=True),
        comment="Who is in which file; ids only, and kept when the person is erased",
    )
    op.create_index("export_member_member", "export_member", ["member"])
    op.create_index("audit_entry_at", "audit_entry", ["at"], postgresql_using="brin")
