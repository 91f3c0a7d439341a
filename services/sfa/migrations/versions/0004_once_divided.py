"""Reps who were withdrawn are kept as such: a market that was ever divided stays so."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    stands = sa.Column("stands", sa.Boolean, nullable=False, server_default=sa.true(), comment=_SAYS)
    op.add_column("territory_rep", stands)


_SAYS = "false once the rep was withdrawn"
