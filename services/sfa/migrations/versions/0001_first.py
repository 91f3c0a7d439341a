"""The tables of the pipeline, of customers, and of the first slices."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.pipeline import version1, version2

revision = "0001"
down_revision = None


def upgrade() -> None:
    version1.pipeline()
    version1.customers()
    version2.pipeline()
    version2.customers()
    _territories()
    _products()
    _orders()
    _requests()


def _territories() -> None:
    op.create_table(
        "customer_territory",
        sa.Column("member", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("territory", sa.Text(), nullable=False, comment="empty: in none any more"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when it was assigned"),
        sa.PrimaryKeyConstraint("member"),
    )
    op.create_index("customer_territory_territory", "customer_territory", ["territory", "member"], unique=False)
    op.create_table(
        "territory",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=False, comment="the region that it belongs to; empty at the top"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "territory_rep",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("rep", sa.Text(), nullable=False, comment="looks after the territory and all below it"),
        sa.PrimaryKeyConstraint("territory", "rep"),
    )
    op.create_index("territory_rep_rep", "territory_rep", ["rep"], unique=False)


def _products() -> None:
    op.create_table(
        "product",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False, comment="minor units"),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("installation", sa.Text(), nullable=False, comment="remote or on_site"),
        sa.Column("on_sale", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )


def _orders() -> None:
    op.create_table(
        "sales_order",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("member", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="placed, provisioned, delivered or cancelled"),
        sa.Column("total", sa.BigInteger(), nullable=False, comment="minor units"),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False, comment="device, desk, web or import"),
        sa.Column("rep", sa.Text(), nullable=False),
        sa.Column("territory", sa.Text(), nullable=False, comment="in which the customer was"),
        sa.Column("placed", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed", sa.DateTime(timezone=True), nullable=False, comment="the newest step"),
        sa.Column("promised", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False, comment="why it is delayed; empty when it isn't"),
        sa.Column("delivered", sa.DateTime(timezone=True), nullable=True),
        sa.Column("how", sa.Text(), nullable=False, comment="on_site or remote, once delivered"),
        sa.Column("reason", sa.Text(), nullable=False, comment="why it was cancelled"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("sales_order_member", "sales_order", ["member", "placed"], unique=False)
    op.create_index(
        "sales_order_open",
        "sales_order",
        ["state", "placed"],
        unique=False,
        postgresql_where=sa.text("state IN ('placed', 'provisioned')"),
    )
    op.create_index("sales_order_placed", "sales_order", ["placed"], unique=False)
    op.create_table(
        "order_line",
        sa.Column("order_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False, comment="minor units"),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["sales_order.id"],
        ),
        sa.PrimaryKeyConstraint("order_id", "place"),
    )
    op.create_table(
        "order_step",
        sa.Column("order_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("place", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("step", sa.Text(), nullable=False, comment="placed, provisioned, delayed, delivered or cancelled"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False, comment="a code: how, which problem, why"),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["sales_order.id"],
        ),
        sa.PrimaryKeyConstraint("order_id", "place"),
    )


def _requests() -> None:
    op.create_table(
        "order_decision",
        sa.Column("order_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column(
            "content", sa.Text(), nullable=False, comment="of the request that was decided; empty if not known any more"
        ),
        sa.Column("outcome", sa.Text(), nullable=False, comment="placed, refused, or waiting for a person"),
        sa.Column("reason", sa.Text(), nullable=False, comment="of a refusal or of waiting"),
        sa.Column("decided", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("order_id"),
        comment="The first decision stands: a rebuild keeps it",
    )
    op.create_index("order_decision_outcome", "order_decision", ["outcome", "decided"], unique=False)
    op.create_table(
        "order_request",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False, comment="of the event"),
        sa.Column("order_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("member", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("lines", postgresql.JSONB(), nullable=False, comment="as requested: product, quantity, unit_price"),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("rep", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="of the device's mutation"),
        sa.Column("requested", sa.DateTime(timezone=True), nullable=False),
        sa.Column("history", sa.Boolean(), nullable=False, comment="it was history when it was heard"),
        sa.Column(
            "content",
            sa.Text(),
            nullable=False,
            comment="hash of what is asked for, to tell a repeat from another request",
        ),
        sa.PrimaryKeyConstraint("id"),
        comment="Written from order.requested only",
    )
    op.create_index("order_request_order", "order_request", ["order_id"], unique=False)
