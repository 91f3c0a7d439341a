"""The first tables: those of the pipeline, of the claims, and the timeline."""

import sqlalchemy as sa
from alembic import op

from shared.pipeline import version1

revision = "0001"
down_revision = None


def upgrade() -> None:
    version1.pipeline()
    version1.customers()
    op.create_table(
        "interaction",
        sa.Column("stream", sa.Text(collation="C"), nullable=False),
        sa.Column("source", sa.Text(collation="C"), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("occurred", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("dataschema", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False, comment="JSON as it was received: personal text is sealed"),
        sa.PrimaryKeyConstraint("stream", "source", "sequence"),
        comment="Every event of every stream",
    )
    op.create_index("interaction_newest", "interaction", ["stream", "occurred", "source", "sequence"], unique=False)
