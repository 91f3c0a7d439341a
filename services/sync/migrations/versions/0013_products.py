"""Devices know what can be ordered."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "product",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False, comment="in minor units"),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("on_sale", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when it was defined so"),
        sa.PrimaryKeyConstraint("id"),
        comment="Products as sales force automation defined them last",
    )
