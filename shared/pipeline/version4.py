"""The fourth version of the tables that services share: who may do what, and who did it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql


def access() -> None:
    """Roles, ended sessions and the audit log."""
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "access_role",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("grants", postgresql.JSONB(), nullable=False, comment="a list of action, reach and fields"),
        comment="Roles of this department's own, beside those of the code",
    )
    op.create_table(
        "ended_session",
        sa.Column("id", postgresql.UUID(as_uuid=False), primary_key=True),
        sa.Column("subject", sa.Text(), comment="whose; none: of the session only"),
        sa.Column("session", sa.Text(), comment="the issuer's; none: all that this person had"),
        sa.Column("at", instant, nullable=False, comment="tokens made later are good again"),
        comment="What no token is taken of any more, kept for as long as one could live",
    )
    op.create_index("ended_session_at", "ended_session", ["at"])
    op.create_table(
        "audit_entry",
        sa.Column("n", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("at", instant, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False, comment="changed, looked or refused"),
        sa.Column("subjects", sa.ARRAY(sa.Text()), nullable=False, comment="streams, or names of what has no stream"),
        sa.Column("why", sa.Text(), nullable=False, comment="the contact or case, if the actor said so"),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column(
            "detail",
            postgresql.JSONB(),
            nullable=False,
            comment="nothing personal: events, fields, claims, what was so before",
        ),
        comment="Who did what; never changed and never deleted",
    )
    op.create_index("audit_entry_actor", "audit_entry", ["actor", "n"])
    op.create_index("audit_entry_subjects", "audit_entry", ["subjects"], postgresql_using="gin")
    op.create_table(
        "audit_link",
        sa.Column("pos", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("n", sa.BigInteger(), nullable=False, unique=True, comment="the entry"),
        sa.Column("hash", sa.LargeBinary(), nullable=False, comment="SHA-256 of the former hash and the entry"),
        comment="The chain through the entries, by which one that is removed or changed is noticed",
    )
