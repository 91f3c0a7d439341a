"""What other services say of customers, kept by member. What is as if nothing was ever said has no row."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from services.callcenter.metadata import metadata
from shared.pipeline.customer_tables import Id

value = Table(
    "insight_value",
    metadata,
    Column("member", Id, primary_key=True),
    Column("amount", BigInteger, nullable=False, comment="minor units; of the whole customer, never to be added up"),
    Column("currency", Text, nullable=False),
    Column("window_days", Integer, nullable=False),
    Column("orders", Integer, nullable=False),
    Column("last_order", DateTime(timezone=True)),
    Column("told", DateTime(timezone=True), nullable=False, comment="of two members' values the newest told stands"),
    comment="As marketing says; no row: nothing in the window",
)

segment = Table(
    "insight_segment",
    metadata,
    Column("member", Id, primary_key=True),
    Column("segment", Text, primary_key=True),
    Column("since", DateTime(timezone=True), nullable=False),
    comment="Which segments members are in; no row: not in it",
)

segment_name = Table(
    "insight_segment_name",
    metadata,
    Column("segment", Text, primary_key=True),
    Column("name", Text, nullable=False),
)

order = Table(
    "insight_order",
    metadata,
    Column("member", Id, primary_key=True),
    Column("order", Text, primary_key=True),
    Column("requested", DateTime(timezone=True), comment="on a device"),
    Column("placed", DateTime(timezone=True)),
    Column("lines", JSONB(none_as_null=True), comment="name and quantity of each product"),
    Column("total", BigInteger, comment="minor units"),
    Column("currency", Text),
    Column("channel", Text),
    Column("promised", DateTime(timezone=True)),
    Column("provisioned", DateTime(timezone=True)),
    Column("delayed", DateTime(timezone=True)),
    Column("problem", Text),
    Column("delivered", DateTime(timezone=True)),
    Column("how", Text),
    Column("cancelled", DateTime(timezone=True)),
    Column("refused", DateTime(timezone=True)),
    Column("reason", Text, comment="of the refusal or the cancellation"),
    comment="Orders, and when each step was; what is null hasn't been heard of",
)

note = Table(
    "insight_note",
    metadata,
    Column("member", Id, primary_key=True),
    Column("note", Text, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("author", Text, nullable=False),
    Column("text", Text, nullable=False, comment="personal, in the clear; emptied when the member is erased"),
    Index("insight_note_member", "member", "at"),
    comment="What field reps wrote down",
)

TABLES = (value, segment, segment_name, order, note)
