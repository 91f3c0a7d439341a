"""Segments ask departments' own fields, so what these hold at reviews, cases and orders is kept."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column(
        "segment",
        sa.Column(
            "conditions",
            postgresql.JSONB(),
            nullable=False,
            server_default=sa.text("'[]'"),
            comment="what is asked of departments' own fields: conditions.py",
        ),
    )
    name = sa.Text(collation="C")
    op.create_table(
        "custom_value",
        sa.Column("member", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("kind", name, nullable=False, comment="contact_field, case_field or order_field"),
        sa.Column("department", name, nullable=False, comment="whose field it is"),
        sa.Column("about", name, nullable=False, comment="the contact, case or order"),
        sa.Column("code", name, nullable=False),
        sa.Column("occurred", sa.DateTime(timezone=True), nullable=False, comment="since when; until the next one"),
        sa.Column("value", name, nullable=False, comment="personal, in the clear; deleted when the member is erased"),
        sa.PrimaryKeyConstraint("member", "kind", "department", "about", "code", "occurred"),
        comment="What was written into departments' own fields of reviews, cases and orders",
    )
    op.create_index("custom_value_of", "custom_value", ["kind", "department", "code"])
