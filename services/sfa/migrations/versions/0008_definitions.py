"""Departments define fields, states and lists as data; orders have fields and states of the department's own."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.pipeline import version7

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    version7.definitions()
    custom = sa.Column(
        "custom",
        postgresql.JSONB(),
        nullable=False,
        server_default=sa.text("'{}'"),
        comment="personal: values of the department's own fields",
    )
    op.add_column("sales_order", custom)
    step = sa.Column("step", sa.Text(), nullable=False, server_default="", comment="a state of the department's own")
    op.add_column("sales_order", step)
