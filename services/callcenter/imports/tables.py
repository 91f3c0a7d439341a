"""What is kept of files that were read in: which row made which member, and what it said last."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, ForeignKey, Index, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from services.callcenter.metadata import metadata
from shared.pipeline.customer_tables import Id, customer_record

imported = Table(
    "imported",
    metadata,
    Column("origin", Text, primary_key=True, comment="the other system's name"),
    Column("key", LargeBinary, primary_key=True, comment="hash of the row's key; stays after an erasure"),
    Column("member", Id, ForeignKey(customer_record.c.member), nullable=False),
    Column("cells", JSONB, nullable=False, comment="target -> hash of what the last file said"),
    Column("at", DateTime(timezone=True), nullable=False),
    Index("imported_member", "member"),
)
