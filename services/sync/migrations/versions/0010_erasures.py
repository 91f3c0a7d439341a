"""People are forgotten by two, and each service and each device answers that it did."""

import sqlalchemy as sa
from alembic import op

from shared.administration.erasures import versions

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    versions.first()
    op.create_table(
        "erased_on_device",
        sa.Column("member", sa.UUID(), nullable=False),
        sa.Column("device", sa.UUID(), nullable=False),
        sa.Column("scope", sa.Text(collation="C"), nullable=False),
        sa.Column("pos", sa.BigInteger(), nullable=False, comment="at which the customer left the scope"),
        sa.Column(
            "dropped",
            sa.DateTime(timezone=True),
            comment="when it was seen that the device doesn't follow the scope now",
        ),
        sa.PrimaryKeyConstraint("member", "device", "scope"),
        comment="Which devices may still have an erased customer. Not derived",
    )
