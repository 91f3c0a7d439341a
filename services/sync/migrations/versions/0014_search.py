"""Things are found by their ids, values that gave way are listed, and what waits of a device is counted."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"

_C = sa.Text(collation="C")
_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "thing",
        sa.Column("id", _C, nullable=False),
        sa.Column("kind", _C, nullable=False, comment="contact, case, order or note"),
        sa.Column("member", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("source", sa.Text(), nullable=False, comment="the service that told of it first"),
        sa.Column("occurred", _AT, nullable=False, comment="when it was first told of"),
        sa.PrimaryKeyConstraint("id", "kind", "member"),
        comment="Whose a contact, case, order or note is: ids, and nothing about the person",
    )
    op.create_table(
        "lost_value",
        sa.Column("member", postgresql.UUID(as_uuid=False), nullable=False),
        sa.Column("field", _C, nullable=False),
        sa.Column("claim", _C, nullable=False),
        sa.Column("occurred", _AT, nullable=False),
        sa.Column("source", _C, nullable=False, comment="of the claim"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False, comment="whether a later claim has seen both"),
        sa.PrimaryKeyConstraint("member", "field", "claim"),
        comment="The ledgers of all records, without values: those are the claims'",
    )
    # What gave way before this table was there.
    op.execute("""
        INSERT INTO lost_value (member, field, claim, occurred, source, reason, settled)
        SELECT r.member, f.key, c.id, c.occurred, c.source, l ->> 'reason', l ->> 'settled_by' IS NOT NULL
        FROM customer_record r
        CROSS JOIN LATERAL jsonb_each(r.states) f
        CROSS JOIN LATERAL jsonb_array_elements(f.value -> 'ledger') l
        JOIN claim c ON c.member = r.member AND c.field = f.key AND c.id = l ->> 'claim'
        WHERE jsonb_path_exists(r.states, '$.*.ledger')
    """)
    op.create_index("lost_value_occurred", "lost_value", ["occurred", "claim", "member", "field"])
    op.create_index("identity_decision_occurred", "identity_decision", ["occurred"])
    waits = sa.text("kind = 'order' AND state IN ('stored', 'no_owner_yet')")
    op.create_index("mutation_waiting", "mutation", ["device"], postgresql_where=waits)
