"""The tables of the pipeline, of customers, and of the first slices."""

import sqlalchemy as sa
from alembic import op

from shared.pipeline import version1, version2

revision = "0001"
down_revision = None


def upgrade() -> None:
    version1.pipeline()
    version1.customers()
    version2.pipeline()
    version2.customers()
    _profiles()
    _orders()
    _segments()
    _published()


def _profiles() -> None:
    op.create_table(
        "profile",
        sa.Column("member", sa.UUID(as_uuid=False), nullable=False),
        sa.Column(
            "registered", sa.DateTime(timezone=True), nullable=True, comment="the earliest, where several services did"
        ),
        sa.Column("contacts", sa.Integer(), nullable=False),
        sa.Column("last_contact", sa.DateTime(timezone=True), nullable=True),
        sa.Column("abandoned", sa.Integer(), nullable=False, comment="contacts that nobody answered in time"),
        sa.Column("satisfaction_sum", sa.Integer(), nullable=False),
        sa.Column("satisfaction_count", sa.Integer(), nullable=False),
        sa.Column("cases_opened", sa.Integer(), nullable=False),
        sa.Column("cases_resolved", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("member"),
        comment="What was told of each member, as sums; those of a cluster are added up when they are read",
    )


def _orders() -> None:
    op.create_table(
        "purchase",
        sa.Column("member", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("order_id", sa.Text(collation="C"), nullable=False),
        sa.Column("occurred", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="in minor units"),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("cancelled", sa.DateTime(timezone=True), nullable=True, comment="when, if it was"),
        sa.PrimaryKeyConstraint("member", "order_id"),
        comment="Every order, as segments count it",
    )
    op.create_index("purchase_occurred", "purchase", ["occurred"], unique=False)
    op.create_table(
        "spending",
        sa.Column("member", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False, comment="cancelled ones included"),
        sa.Column(
            "amount", sa.BigInteger(), nullable=False, comment="of all orders, in minor units; cancelled ones included"
        ),
        sa.Column("first_order", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_order", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancelled", sa.Integer(), nullable=False),
        sa.Column("cancelled_amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("member", "currency"),
        comment="Sums over the orders of each member, by currency",
    )


def _segments() -> None:
    op.create_table(
        "segment",
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.Column("at_least", sa.BigInteger(), nullable=False, comment="in minor units"),
        sa.PrimaryKeyConstraint("segment"),
        comment="Who is in: customers whose orders of the window amount to so much at least",
    )
    op.create_table(
        "stay",
        sa.Column("cluster", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("entered", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left", sa.DateTime(timezone=True), nullable=True, comment="none while the customer is in"),
        sa.Column(
            "orders",
            sa.ARRAY(sa.Text(collation="C")),
            nullable=False,
            comment="that sufficed when it entered, the newest last",
        ),
        sa.Column("because", sa.Text(), nullable=False, comment="why it left: time or cancelled; empty while it is in"),
        sa.PrimaryKeyConstraint("cluster", "entered"),
        comment="From when to when each customer was in the segment, by the orders and clusters as they are known now",
    )
    op.create_index("stay_entered", "stay", ["entered"], unique=False)
    op.create_index("stay_left", "stay", ["left"], unique=False, postgresql_where=sa.text('"left" IS NOT NULL'))


def _published() -> None:
    op.create_table(
        "published_stay",
        sa.Column("member", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("orders", sa.ARRAY(sa.Text(collation="C")), nullable=False, comment="by which it is in"),
        sa.Column("rule", sa.Text(), nullable=False, comment="by which it is in; empty after a recovery"),
        sa.PrimaryKeyConstraint("member"),
        comment="Of whom it was said last that he is in the segment, and since when. Kept across rebuilds",
    )
    op.create_table(
        "published_value",
        sa.Column("member", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("cluster", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("last_order", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("member"),
        comment="What was said last of each member's value; no row where nothing was, or that it has none. "
        "Kept across rebuilds, so that nothing is said again",
    )
