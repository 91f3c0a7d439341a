"""The eighth version of the tables that services share: since when each other block is heard."""

import sqlalchemy as sa
from alembic import op

# Events' ids tell when they were made. The oldest among the newest ones of all streams is as near as can be told
# afterwards; and nobody joined a block before it had anything in its audit log.
_BEFORE = """
UPDATE activation a SET at = greatest(p.at, (SELECT min(at) FROM audit_entry))
FROM (SELECT subscription, source,
             to_timestamp(('x' || left(replace(min(event_id::text), '-', ''), 12))::bit(48)::bigint / 1000.0) AS at
      FROM position GROUP BY subscription, source) p
WHERE p.subscription = a.subscription AND a.topic = p.source || '.events'
"""


def joined() -> None:
    """A column that the database fills, as a former release goes on writing rows without it."""
    op.add_column(
        "activation",
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when it first started; of what was there before this was noted, as near as could be told",
        ),
    )
    op.execute(_BEFORE)
    op.alter_column("activation", "at", server_default=sa.text("now()"))
