"""Territories, their reps and their customers."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, DateTime, Index, Table, Text, true

from services.sfa.metadata import metadata
from shared.pipeline.customer_tables import Id

territory = Table(
    "territory",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("parent", Text, nullable=False, comment="the region that it belongs to; empty at the top"),
)

territory_rep = Table(
    "territory_rep",
    metadata,
    Column("territory", Text, primary_key=True),
    Column("rep", Text, primary_key=True, comment="looks after the territory and all below it"),
    Column("stands", Boolean, nullable=False, server_default=true(), comment="false once the rep was withdrawn"),
    Index("territory_rep_rep", "rep"),
)

customer_territory = Table(
    "customer_territory",
    metadata,
    Column("member", Id, primary_key=True),
    Column("territory", Text, nullable=False, comment="empty: in none any more"),
    Column("at", DateTime(timezone=True), nullable=False, comment="when it was assigned"),
    Index("customer_territory_territory", "territory", "member"),
)

moved_customer = Table(
    "moved_customer",
    metadata,
    Column("move", Id, primary_key=True, comment="those who were moved together"),
    Column("member", Id, primary_key=True),
    Column("former", Text, nullable=False, comment="where it was; empty: in none"),
    Column("territory", Text, nullable=False, comment="where it was put; empty: into none"),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("by", Text, nullable=False),
    Index("moved_customer_at", "at"),
    comment="Who was moved between territories from where to where, so that it can be undone",
)
