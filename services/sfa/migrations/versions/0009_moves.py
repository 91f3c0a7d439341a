"""Who was moved between territories is noted, so that it can be undone; orders are found by territory and by rep."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "moved_customer",
        sa.Column("move", sa.UUID(as_uuid=False), nullable=False, comment="those who were moved together"),
        sa.Column("member", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("former", sa.Text(), nullable=False, comment="where it was; empty: in none"),
        sa.Column("territory", sa.Text(), nullable=False, comment="where it was put; empty: into none"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("move", "member"),
        comment="Who was moved between territories from where to where, so that it can be undone",
    )
    op.create_index("moved_customer_at", "moved_customer", ["at"], unique=False)
    op.create_index("sales_order_territory", "sales_order", ["territory", "placed"], unique=False)
    op.create_index("sales_order_rep", "sales_order", ["rep", "placed"], unique=False)
