"""The second version of the tables that services share: what is derived, sameness of customers, signs of life."""

import sqlalchemy as sa
from alembic import op


def pipeline() -> None:
    """Add what derived facts need, and the reports of heads."""
    op.add_column(
        "consumer_offset",
        sa.Column(
            "replay_until",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="what lies before it was there when the reading began, or began anew: "
            "nothing is derived until it is read",
        ),
    )
    op.create_table(
        "due",
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when it is to be worked out again"),
        sa.Column("history", sa.Boolean(), nullable=False, comment="whether only history says so"),
        sa.Column(
            "version", sa.BigInteger(), server_default=sa.text("1"), nullable=False, comment="how often it was marked"
        ),
        sa.PrimaryKeyConstraint("task", "key"),
        comment="What is to be worked out anew, because something changed or because its time comes",
    )
    op.create_index("due_at", "due", ["task", "at"], unique=False)
    op.create_table(
        "head_reported",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column(
            "sequence", sa.Integer(), nullable=False, comment="that the newest report of this service's heads named"
        ),
        sa.PrimaryKeyConstraint("stream"),
    )
    op.create_table(
        "heard_from",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="of the newest report of its heads"),
        sa.Column(
            "left", sa.DateTime(timezone=True), nullable=True, comment="when the company gave that block up, if it did"
        ),
        sa.PrimaryKeyConstraint("source"),
        comment="When each other service last gave a sign of life: what is known from it is so old at least",
    )


def customers() -> None:
    """Add which members are the same customer."""
    op.create_table(
        "customer_cluster",
        sa.Column("member", sa.UUID(), nullable=False),
        sa.Column("cluster", sa.UUID(), nullable=False, comment="the least of its members"),
        sa.PrimaryKeyConstraint("member"),
        comment="Which members are the same customer, as sync says; one that isn't here is a cluster of its own",
    )
    op.create_index("customer_cluster_cluster", "customer_cluster", ["cluster"], unique=False)
