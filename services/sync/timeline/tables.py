"""The table of the timeline."""

from sqlalchemy import Column, DateTime, Index, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import UUID

metadata = MetaData()
_C = Text(collation="C")  # compares as Python does

interaction = Table(
    "interaction",
    metadata,
    Column("stream", _C, primary_key=True),
    Column("source", _C, primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("occurred", DateTime(timezone=True), nullable=False),
    Column("recorded", DateTime(timezone=True), nullable=False),
    Column("event_id", UUID, nullable=False),
    Column("type", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("dataschema", Text, nullable=False),
    Column("data", LargeBinary, nullable=False, comment="JSON as it was received: personal text is sealed"),
    # Read backwards for the newest first.
    Index("interaction_newest", "stream", "occurred", "source", "sequence"),
    comment="Every event of every stream",
)
