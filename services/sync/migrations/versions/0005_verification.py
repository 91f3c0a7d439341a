"""What publishers say of their own streams, to compare with what came."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "told_head",
        sa.Column("source", sa.Text(collation="C"), nullable=False),
        sa.Column("stream", sa.Text(collation="C"), nullable=False),
        sa.Column(
            "sequence",
            sa.Integer(),
            nullable=False,
            comment="of the newest event of the stream, as its publisher said",
        ),
        sa.PrimaryKeyConstraint("source", "stream"),
        comment="How far each publisher has come in its streams, as it reports from time to time",
    )
