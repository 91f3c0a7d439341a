"""What is kept of customers: claims, the record folded from them, and the terms they are found by."""

from __future__ import annotations

from sqlalchemy import ARRAY, Column, DateTime, ForeignKey, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB, UUID

from services.callcenter.metadata import metadata

Id = UUID(as_uuid=False)
# Compared as Python compares texts, so that of two claims with one id the same one stands everywhere.
Exact = Text(collation="C")

customer = Table(
    "customer",
    metadata,
    Column("member", Id, primary_key=True),
    Column("registered", DateTime(timezone=True), comment="none while only edits were heard of"),
    Column("erased", DateTime(timezone=True)),
    Column("states", JSONB, nullable=False, server_default=text("'{}'"), comment="field -> folded state"),
    Column("changed", DateTime(timezone=True), nullable=False),
    comment="A writer locks the rows of all its members, in order, before it reads their claims",
)

claim = Table(
    "claim",
    metadata,
    Column("member", Id, ForeignKey(customer.c.member), primary_key=True),
    Column("field", Exact, primary_key=True),
    Column("id", Exact, primary_key=True),
    Column("value", Exact, nullable=False),
    Column("saw", ARRAY(Exact), nullable=False),
    Column("occurred", DateTime(timezone=True), nullable=False),
    Column("source", Exact, nullable=False),
    Column("author", Exact, nullable=False),
    Index("claim_field", "field", postgresql_where=text("field LIKE 'custom.%'")),
)

search_term = Table(
    "search_term",
    metadata,
    Column("kind", Exact, primary_key=True, comment="phone, email or name"),
    Column("term", Exact, primary_key=True),
    Column("member", Id, ForeignKey(customer.c.member), primary_key=True),
    Index("search_term_member", "member"),
)

custom_field = Table(
    "custom_field",
    metadata,
    Column("name", Text, primary_key=True, comment="with its prefix: custom.contract"),
    Column("label", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("occurred", DateTime(timezone=True), nullable=False),
    Column("event_id", Text, nullable=False, comment="of two definitions the later stands, by (occurred, id)"),
)
