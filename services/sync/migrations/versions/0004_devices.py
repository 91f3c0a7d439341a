"""Field reps' devices: what is heard for them, they themselves with what they sent, and their feed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "device",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("rep", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("enrolled", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False, comment="why it was revoked"),
        sa.Column("number", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="of its last mutation"),
        sa.Column("made", sa.DateTime(timezone=True), nullable=False, comment="when it made that, corrected"),
        sa.Column("heard", sa.DateTime(timezone=True), nullable=True, comment="when it last pulled or pushed"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "device_scope",
        sa.Column("device", sa.UUID(), nullable=False),
        sa.Column("scope", sa.Text(collation="C"), nullable=False),
        sa.Column("pos", sa.BigInteger(), nullable=False, comment="up to where it has said to have the feed"),
        sa.PrimaryKeyConstraint("device", "scope"),
    )
    op.create_table(
        "feed_item",
        sa.Column("scope", sa.Text(collation="C"), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("pos", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=True, comment="SHA-256 of the body; none of an item that left"),
        sa.Column("body", sa.Text(), nullable=True, comment="personal; none of an item that left"),
        sa.PrimaryKeyConstraint("scope", "key"),
        comment="What devices are to know. Not derived: a rebuild changes only what differs",
    )
    op.create_index("feed_item_key", "feed_item", ["key"], unique=False)
    op.create_index("feed_item_pos", "feed_item", ["scope", "pos"], unique=True)
    op.create_table(
        "feed_scope",
        sa.Column("scope", sa.Text(collation="C"), nullable=False),
        sa.Column("epoch", sa.UUID(), nullable=False, comment="a device that knows another one starts over"),
        sa.Column("pos", sa.BigInteger(), server_default=sa.text("0"), nullable=False, comment="of the newest change"),
        sa.Column(
            "present", sa.BigInteger(), server_default=sa.text("0"), nullable=False, comment="how many items there are"
        ),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="exclusive or of the hashes of present items"),
        sa.PrimaryKeyConstraint("scope"),
        comment="Also the row by which the positions of a scope are locked",
    )
    op.create_table(
        "member_note",
        sa.Column("member", sa.UUID(), nullable=False),
        sa.Column("note", sa.Text(collation="C"), nullable=False),
        sa.Column(
            "text", sa.Text(), nullable=False, comment="personal, in the clear; deleted when the member is erased"
        ),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("member", "note"),
    )
    op.create_table(
        "member_order",
        sa.Column("member", sa.UUID(), nullable=False),
        sa.Column("order", sa.Text(collation="C"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("followed", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("member", "order"),
        comment="Orders as sales force automation tells of them",
    )
    op.create_table(
        "member_request",
        sa.Column("member", sa.UUID(), nullable=False),
        sa.Column("order", sa.Text(collation="C"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("member", "order"),
        comment="Orders as devices asked for them",
    )
    op.create_table(
        "member_segment",
        sa.Column("member", sa.UUID(), nullable=False),
        sa.Column("segment", sa.Text(collation="C"), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("member", "segment"),
    )
    op.create_table(
        "member_territory",
        sa.Column("member", sa.UUID(), nullable=False),
        sa.Column("territory", sa.Text(collation="C"), nullable=False, comment="empty: in none"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("member"),
    )
    op.create_table(
        "member_value",
        sa.Column("member", sa.UUID(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("member"),
        comment="What marketing says that a customer is worth; no row: nothing",
    )
    op.create_table(
        "mutation",
        sa.Column("device", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="empty: what couldn't be read"),
        sa.Column("member", sa.UUID(), nullable=True),
        sa.Column(
            "thing", sa.Text(collation="C"), nullable=True, comment="the note, order or first claim that it made"
        ),
        sa.Column("made", sa.DateTime(timezone=True), nullable=False, comment="corrected"),
        sa.Column("received", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False, comment="HMAC of what was sent"),
        sa.Column(
            "answer",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="what the device was told, and is told again",
        ),
        sa.Column(
            "state", sa.Text(), nullable=False, comment="as this service decided; of an order, see member_order too"
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "content",
            sa.Text(),
            nullable=True,
            comment="of a quarantined one; personal, deleted at a decision and at the erasure",
        ),
        sa.Column("decided_by", sa.Text(), nullable=True, comment="who let it out of quarantine or discarded it"),
        sa.Column("why", sa.Text(), nullable=True, comment="the reason that was given"),
        sa.PrimaryKeyConstraint("device", "number"),
        comment="Everything that devices sent, each number once",
    )
    op.create_index("mutation_member", "mutation", ["member"], unique=False)
    op.create_index(
        "mutation_quarantined",
        "mutation",
        ["received"],
        unique=False,
        postgresql_where=sa.text("state = 'quarantined'"),
    )
    op.create_index("mutation_thing", "mutation", ["thing"], unique=False)
    op.create_table(
        "sales_force",
        sa.Column("source", sa.Text(collation="C"), nullable=False),
        sa.Column("left", sa.DateTime(timezone=True), nullable=True, comment="when the company gave it up, if it did"),
        sa.PrimaryKeyConstraint("source"),
        comment="Whether sales force automation was ever heard of",
    )
    op.create_table(
        "territory",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(collation="C"), nullable=False, comment="empty at the top"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "territory_rep",
        sa.Column("territory", sa.Text(collation="C"), nullable=False),
        sa.Column("rep", sa.Text(collation="C"), nullable=False),
        sa.Column("stands", sa.Boolean(), nullable=False, comment="false once the rep was withdrawn"),
        sa.PrimaryKeyConstraint("territory", "rep"),
    )
