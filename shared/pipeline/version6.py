"""The sixth version of the tables that services share: what is due and what is owed know their trace."""

import sqlalchemy as sa
from alembic import op

FROM = "the trace of what led to it, if one did (W3C)"


def traces() -> None:
    """Columns that may be empty: a former release goes on writing rows without them."""
    for table in ("due", "intent"):
        op.add_column(table, sa.Column("traceparent", sa.Text(), nullable=True, comment=FROM))
