"""What others say of customers, what cases are about and where, outages, live windows."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    _insights()
    _orders()
    _streams()
    _outages()
    _cases()


def _insights() -> None:
    op.create_table(
        "insight_note",
        sa.Column("member", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column(
            "text", sa.Text(), nullable=False, comment="personal, in the clear; emptied when the member is erased"
        ),
        sa.PrimaryKeyConstraint("member", "note"),
        comment="What field reps wrote down",
    )
    op.create_index("insight_note_member", "insight_note", ["member", "at"], unique=False)
    op.create_table(
        "insight_segment",
        sa.Column("member", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("member", "segment"),
        comment="Which segments members are in; no row: not in it",
    )
    op.create_table(
        "insight_segment_name",
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("segment"),
    )
    op.create_table(
        "insight_value",
        sa.Column("member", sa.UUID(as_uuid=False), nullable=False),
        sa.Column(
            "amount",
            sa.BigInteger(),
            nullable=False,
            comment="minor units; of the whole customer, never to be added up",
        ),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("last_order", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "told", sa.DateTime(timezone=True), nullable=False, comment="of two members' values the newest told stands"
        ),
        sa.PrimaryKeyConstraint("member"),
        comment="As marketing says; no row: nothing in the window",
    )


def _orders() -> None:
    op.create_table(
        "insight_order",
        sa.Column("member", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("order", sa.Text(), nullable=False),
        sa.Column("requested", sa.DateTime(timezone=True), nullable=True, comment="on a device"),
        sa.Column("placed", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lines", postgresql.JSONB(), nullable=True, comment="name and quantity of each product"),
        sa.Column("total", sa.BigInteger(), nullable=True, comment="minor units"),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("promised", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provisioned", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delayed", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("delivered", sa.DateTime(timezone=True), nullable=True),
        sa.Column("how", sa.Text(), nullable=True),
        sa.Column("cancelled", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True, comment="of the refusal or the cancellation"),
        sa.PrimaryKeyConstraint("member", "order"),
        comment="Orders, and when each step was; what is null hasn't been heard of",
    )


def _streams() -> None:
    op.create_table(
        "live_window",
        sa.Column("minutes", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="when it was like this"),
        sa.Column("offered", sa.Integer(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("abandoned", sa.Integer(), nullable=False),
        sa.Column("satisfaction", sa.Double(), nullable=True, comment="mean of 1 to 5; none when nobody said"),
        sa.Column("satisfactions", sa.Integer(), nullable=False),
        sa.Column("solved", sa.Integer(), nullable=False),
        sa.Column("immediate", sa.Double(), nullable=True, comment="share solved within three minutes"),
        sa.Column("seconds_to_solution", sa.Double(), nullable=True, comment="mean"),
        sa.PrimaryKeyConstraint("minutes"),
    )


def _outages() -> None:
    op.create_table(
        "outage",
        sa.Column("id", sa.UUID(as_uuid=False), nullable=False, comment="derived from product, place and first case"),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="proposed, confirmed or dismissed"),
        sa.Column(
            "since", sa.DateTime(timezone=True), nullable=False, comment="when the first of the cases was opened"
        ),
        sa.Column("proposed", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided", sa.DateTime(timezone=True), nullable=True, comment="when its state changed last"),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True, comment="why it was dismissed"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("outage_of", "outage", ["product", "place", "proposed"], unique=False)
    op.create_table(
        "outage_case",
        sa.Column("outage", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("case", sa.UUID(as_uuid=False), nullable=False),
        sa.ForeignKeyConstraint(["outage"], ["outage.id"]),
        sa.PrimaryKeyConstraint("outage", "case"),
    )
    op.create_index("outage_case_case", "outage_case", ["case"], unique=False)


def _cases() -> None:
    op.add_column(
        "customer_case",
        sa.Column("product", sa.Text(), server_default="", nullable=False, comment="a code; empty: none in particular"),
    )
    op.add_column(
        "customer_case",
        sa.Column(
            "place",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="a code, as coarse as an area; empty: not known",
        ),
    )
