"""The migration that gives a service the tables of erasures."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

_INSTANT = sa.DateTime(timezone=True)
_ID = postgresql.UUID(as_uuid=False)
_C = sa.Text(collation="C")


def first() -> None:
    """What people proposed and decided, what was forgotten here, and what others answered."""
    op.create_table(
        "erasure",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("customer", _ID, nullable=False, comment="for whom it was proposed"),
        sa.Column(
            "members", sa.ARRAY(_ID), nullable=False, comment="all that were this customer then: who is consented to"
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="a code: request, retention or error"),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed", _INSTANT, nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="proposed, withdrawn or erased"),
        sa.Column("decided_by", sa.Text(), comment="who consented or withdrew"),
        sa.Column("decided", _INSTANT),
        comment="Erasures that were proposed here. Not derived",
    )
    op.create_index("erasure_proposed", "erasure", [sa.text("proposed DESC"), "id"])
    op.create_table(
        "forgotten",
        sa.Column("member", _ID, nullable=False),
        sa.Column("place", _C, nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False, comment="that were deleted or emptied"),
        sa.Column("at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("member", "place"),
        comment="Where this service has forgotten erased members. Not derived: a rebuild doesn't answer again",
    )
    op.create_table(
        "erasure_answer",
        sa.Column("member", _ID, nullable=False),
        sa.Column("source", _C, nullable=False, comment="the service that answered"),
        sa.Column("place", _C, nullable=False, comment="empty: the service as a whole"),
        sa.Column("state", sa.Text(), nullable=False, comment="forgotten, open or export"),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("member", "source", "place"),
        comment="What other services said of what they forgot",
    )
    op.create_table(
        "erasure_log",
        sa.Column("erasure", _ID, nullable=False),
        sa.Column("source", _C, nullable=False, comment="whose keys topic"),
        sa.Column("wrapped", sa.BigInteger(), nullable=False, comment="keys of the members that it still holds"),
        sa.Column("at", _INSTANT, nullable=False, comment="when it was read from its beginning"),
        sa.PrimaryKeyConstraint("erasure", "source"),
        comment="What the topics of keys still hold of erased members, until they are compacted",
    )
