"""The tables of segments: the rule, who was in when, and what was said of it."""

from sqlalchemy import ARRAY, BigInteger, Column, DateTime, Index, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB, UUID

from services.marketing.metadata import metadata
from shared.pipeline.tables import ROOM

_Id = UUID(as_uuid=False)
_C = Text(collation="C")
_At = DateTime(timezone=True)

segment = Table(
    "segment",
    metadata,
    Column("segment", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("window_days", Integer, nullable=False),
    Column("at_least", BigInteger, nullable=False, comment="in minor units"),
    Column(
        "conditions",
        JSONB,
        nullable=False,
        server_default=text("'[]'"),
        comment="what is asked of departments' own fields: conditions.py",
    ),
    comment="Who is in: customers whose orders of the window amount to so much at least",
)

stay = Table(
    "stay",
    metadata,
    Column("cluster", _Id, primary_key=True),
    Column("entered", _At, primary_key=True),
    Column("left", _At, comment="none while the customer is in"),
    Column("orders", ARRAY(_C), nullable=False, comment="that sufficed when it entered, the newest last"),
    Column("because", Text, nullable=False, comment="why it left: time or cancelled; empty while it is in"),
    Index("stay_entered", "entered"),
    Index("stay_left", "left", postgresql_where=text('"left" IS NOT NULL')),
    comment="From when to when each customer was in the segment, by the orders and clusters as they are known now",
)

published_value = Table(
    "published_value",
    metadata,
    Column("member", _Id, primary_key=True),
    Column("cluster", _Id, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("window_days", Integer, nullable=False),
    Column("orders", Integer, nullable=False),
    Column("last_order", _At),
    comment="What was said last of each member's value; no row where nothing was, or that it has none. "
    "Kept across rebuilds, so that nothing is said again",
    postgresql_with={"fillfactor": ROOM},
)

published_stay = Table(
    "published_stay",
    metadata,
    Column("member", _Id, primary_key=True),
    Column("since", _At, nullable=False),
    Column("orders", ARRAY(_C), nullable=False, comment="by which it is in"),
    Column("rule", Text, nullable=False, comment="by which it is in; empty after a recovery"),
    comment="Of whom it was said last that he is in the segment, and since when. Kept across rebuilds",
)
