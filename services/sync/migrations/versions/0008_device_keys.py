"""Devices have a key pair of their own, and what they have said is kept turn by turn."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"

NEW: tuple[sa.Column[Any], ...] = (
    sa.Column("key", sa.Text(), nullable=True, comment="x of an Ed25519 JWK; none: enrolled before there were keys"),
    sa.Column("turn", sa.BigInteger(), server_default=sa.text("0"), nullable=False, comment="which it may use next"),
    sa.Column(
        "roles",
        postgresql.ARRAY(sa.Text()),
        server_default=sa.text("'{}'"),
        nullable=False,
        comment="of its rep, when it was enrolled or renewed",
    ),
    sa.Column("teams", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False, comment="as roles"),
    sa.Column("renewed", sa.DateTime(timezone=True), nullable=True, comment="when it last got another key"),
    sa.Column(
        "readmitted",
        sa.Boolean(),
        server_default=sa.false(),
        nullable=False,
        comment="revoked, and an operator lets the rep renew it",
    ),
)


def upgrade() -> None:
    for column in NEW:
        op.add_column("device", column)
    op.create_table(
        "device_turn",
        sa.Column("device", sa.UUID(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("request", sa.UUID(), nullable=False, comment="the one that used it"),
        sa.PrimaryKeyConstraint("device", "turn"),
        comment="The last turns of each device, by which two with one key are noticed",
    )
