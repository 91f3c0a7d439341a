"""Contacts."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, Index, Integer, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from services.callcenter.metadata import metadata
from shared.pipeline.customer_tables import Id, customer_record

contact = Table(
    "contact",
    metadata,
    Column("id", Id, primary_key=True),
    Column("member", Id, ForeignKey(customer_record.c.member), nullable=False),
    Column("call", Text, unique=True, comment="the telephone system's id; a repeat of it is the same contact"),
    Column("channel", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("address", Text, nullable=False, comment="personal: as it was shown"),
    Column("state", Text, nullable=False, comment="offered, answered, ended, wrapped_up or abandoned"),
    Column("offered_to", Text, comment="an agent; none when anybody of the queue may answer"),
    Column("agent", Text, comment="who answered"),
    Column("offered", DateTime(timezone=True), nullable=False),
    Column("answered", DateTime(timezone=True)),
    Column("ended", DateTime(timezone=True)),
    Column("wrapped_up", DateTime(timezone=True)),
    Column("abandoned", DateTime(timezone=True)),
    Column("reason", Text),
    Column("outcome", Text),
    Column("satisfaction", SmallInteger),
    Column("note", Text, nullable=False, server_default="", comment="personal"),
    Column(
        "custom",
        JSONB,
        nullable=False,
        server_default=text("'{}'"),
        comment="personal: values of the department's own fields",
    ),
    CheckConstraint("satisfaction BETWEEN 1 AND 5", name="contact_satisfaction"),
    Index("contact_member", "member", "offered"),
    Index("contact_waiting", "queue", "offered", postgresql_where=text("state = 'offered'")),
    Index("contact_open", "agent", postgresql_where=text("state IN ('answered', 'ended')")),
    Index("contact_reviewed", "queue", "wrapped_up", postgresql_where=text("state = 'wrapped_up'")),
)

choice = Table(
    "choice",
    metadata,
    Column("kind", Text, primary_key=True, comment="reason, outcome or queue"),
    Column("code", Text, primary_key=True),
    Column("label_en", Text, nullable=False),
    Column("label_es", Text, nullable=False),
    Column("place", Integer, nullable=False, comment="in the list"),
)
"""Only the former release reads and writes it: what can be chosen are definitions now (shared/pipeline/vocabulary)."""
