"""Agents say whether they are there, reviews are counted by queue, and the wall shows queues and minutes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "agent_state",
        sa.Column("agent", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False, comment="as it stood in the agent's last token"),
        sa.Column("state", sa.Text(), nullable=False, comment="available, break or away, as the agent says"),
        sa.Column("reason", sa.Text(), nullable=False, server_default="", comment="of a break"),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "heard", sa.DateTime(timezone=True), nullable=False, comment="when a page of the agent's was open last"
        ),
    )
    op.create_table(
        "live_wall",
        sa.Column("id", sa.SmallInteger(), primary_key=True, autoincrement=False, comment="1: there is one wall"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when it was like this"),
        sa.Column("queues", postgresql.JSONB(), nullable=False, comment="of the longest window"),
        sa.Column("minutes", postgresql.JSONB(), nullable=False, comment="of the longest window, the oldest first"),
    )
    op.create_index(
        "contact_reviewed", "contact", ["queue", "wrapped_up"], postgresql_where=sa.text("state = 'wrapped_up'")
    )
