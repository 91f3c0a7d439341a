"""The table of what customers said of contacts."""

from sqlalchemy import Column, DateTime, Index, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import UUID

from services.marketing.metadata import metadata

review = Table(
    "review",
    metadata,
    Column("member", UUID(as_uuid=False), primary_key=True),
    Column("contact", Text(collation="C"), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("score", SmallInteger, nullable=False, comment="1 (very dissatisfied) to 5 (very satisfied)"),
    # With all that a count needs, so that no row is looked at for it.
    Index("review_at", "at", postgresql_include=["member", "score"]),
    comment="What customers said of each contact, one by one: whether they were in the segment then is asked later",
)
