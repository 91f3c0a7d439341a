"""Who is the same customer: what members are matched by, what people decided, and what they are to look at."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "identifier",
        sa.Column("member", sa.UUID(), nullable=False),
        sa.Column("field", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Text(collation="C"), nullable=False, comment="the claim's"),
        sa.Column(
            "value",
            sa.Text(collation="C"),
            nullable=False,
            comment="personal, as it is compared; deleted when the member is erased",
        ),
        sa.Column("saw", sa.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.Column("occurred", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("member", "field", "id"),
        comment="All claims by which members are told apart or found to be the same",
    )
    op.create_index(
        "identifier_value",
        "identifier",
        ["field", "value", "member"],
        unique=False,
        postgresql_where=sa.text("field IN ('phone', 'email') AND value <> ''"),
    )
    op.create_table(
        "identity_decision",
        sa.Column("a", sa.UUID(), nullable=False, comment="the lesser member"),
        sa.Column("b", sa.UUID(), nullable=False),
        sa.Column("joined", sa.Boolean(), nullable=False),
        sa.Column("occurred", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "event_id",
            sa.Text(collation="C"),
            nullable=False,
            comment="of two decisions the later stands, by (occurred, id)",
        ),
        sa.PrimaryKeyConstraint("a", "b"),
        comment="What a person decided of two members",
    )
    op.create_index("identity_decision_b", "identity_decision", ["b"], unique=False)
    op.create_table(
        "identity_suggestion",
        sa.Column("a", sa.UUID(), nullable=False, comment="the lesser member"),
        sa.Column(
            "b", sa.UUID(), nullable=False, comment="the same as a, where it has something in common with too many"
        ),
        sa.Column("because", sa.Text(collation="C"), nullable=False, comment="phone or email"),
        sa.Column("why", sa.Text(), nullable=False, comment="names: these differ; crowded: too many members have it"),
        sa.PrimaryKeyConstraint("a", "b", "because"),
        comment="Members that may be the same customer, for a person to look at; written by the task that matches",
    )
    op.create_index("identity_suggestion_why", "identity_suggestion", ["why", "a", "b", "because"], unique=False)
    op.create_index("identity_suggestion_b", "identity_suggestion", ["b"], unique=False)
