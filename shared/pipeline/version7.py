"""The seventh version of the tables that services share: what departments define as data."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql


def definitions() -> None:
    """Definitions of departments; of customers' fields what they are called, and whether they are retired."""
    text_c = sa.Text(collation="C")
    op.create_table(
        "definition",
        sa.Column("department", text_c, primary_key=True, comment="the service whose it is"),
        sa.Column(
            "kind", text_c, primary_key=True, comment="reason, case_field … as in shared/customer/definitions.py"
        ),
        sa.Column("code", text_c, primary_key=True),
        sa.Column("labels", postgresql.JSONB(), nullable=False, comment="language -> text"),
        sa.Column("place", sa.Integer(), nullable=False, comment="in its list"),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False, comment="of a field: what it holds"),
        sa.Column("choices", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "category", sa.Text(), nullable=False, comment="of a state: the platform's state that it is a part of"
        ),
        sa.Column("occurred", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "event_id", text_c, nullable=False, comment="the later stands, by (occurred, id); empty: not said yet"
        ),
        comment="What departments defined as data: own ones as commands made them, others as they are heard",
    )
    op.create_index(
        "definition_unsaid", "definition", ["kind", "code"], unique=False, postgresql_where=sa.text("event_id = ''")
    )
    # With defaults, for the former release's processes that still write these rows.
    for column in (
        sa.Column(
            "labels",
            postgresql.JSONB(),
            nullable=False,
            server_default=sa.text("'{}'"),
            comment="language -> text",
        ),
        sa.Column("place", sa.Integer(), nullable=False, server_default=sa.text("0"), comment="in the list"),
        sa.Column(
            "retired", sa.Boolean(), nullable=False, server_default=sa.text("false"), comment="it takes no new value"
        ),
        sa.Column(
            "department",
            text_c,
            nullable=False,
            server_default=sa.text("''"),
            comment="who defined it; empty: not known",
        ),
    ):
        op.add_column("custom_field", column)
