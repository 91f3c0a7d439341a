"""Outages, and the cases that they were seen from."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, ForeignKey, Index, Table, Text

from services.callcenter.metadata import metadata
from shared.pipeline.customer_tables import Id

outage = Table(
    "outage",
    metadata,
    Column("id", Id, primary_key=True, comment="derived from product, place and first case"),
    Column("product", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("state", Text, nullable=False, comment="proposed, confirmed or dismissed"),
    Column("since", DateTime(timezone=True), nullable=False, comment="when the first of the cases was opened"),
    Column("proposed", DateTime(timezone=True), nullable=False),
    Column("decided", DateTime(timezone=True), comment="when its state changed last"),
    Column("decided_by", Text),
    Column("reason", Text, comment="why it was dismissed"),
    Index("outage_of", "product", "place", "proposed"),
)

outage_case = Table(
    "outage_case",
    metadata,
    Column("outage", Id, ForeignKey(outage.c.id), primary_key=True),
    Column("case", Id, primary_key=True),
    Index("outage_case_case", "case"),
)
