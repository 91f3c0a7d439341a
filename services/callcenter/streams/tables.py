"""What the live windows showed last."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Double, Integer, SmallInteger, Table
from sqlalchemy.dialects.postgresql import JSONB

from services.callcenter.metadata import metadata

live_window = Table(
    "live_window",
    metadata,
    Column("minutes", Integer, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False, comment="when it was like this"),
    Column("offered", Integer, nullable=False),
    Column("answered", Integer, nullable=False),
    Column("abandoned", Integer, nullable=False),
    Column("satisfaction", Double, comment="mean of 1 to 5; none when nobody said"),
    Column("satisfactions", Integer, nullable=False),
    Column("solved", Integer, nullable=False),
    Column("immediate", Double, comment="share solved within three minutes"),
    Column("seconds_to_solution", Double, comment="mean"),
)

live_wall = Table(
    "live_wall",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False, comment="1: there is one wall"),
    Column("at", DateTime(timezone=True), nullable=False, comment="when it was like this"),
    Column("queues", JSONB, nullable=False, comment="of the longest window"),
    Column("minutes", JSONB, nullable=False, comment="of the longest window, the oldest first"),
)
