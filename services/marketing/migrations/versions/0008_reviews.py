"""What customers say of contacts is kept one by one, to tell apart who was in a segment then."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "review",
        sa.Column("member", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("contact", sa.Text(collation="C"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("score", sa.SmallInteger(), nullable=False, comment="1 (very dissatisfied) to 5 (very satisfied)"),
        sa.PrimaryKeyConstraint("member", "contact"),
        comment="What customers said of each contact, one by one: whether they were in the segment then is asked later",
    )
    op.create_index("review_at", "review", ["at"], unique=False, postgresql_include=["member", "score"])
