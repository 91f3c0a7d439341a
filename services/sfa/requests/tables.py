"""What reps ask for on their devices, and what became of it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from services.sfa.metadata import metadata
from shared.pipeline.customer_tables import Id

order_request = Table(
    "order_request",
    metadata,
    Column("id", Id, primary_key=True, comment="of the event"),
    Column("order_id", Id, nullable=False),
    Column("member", Id, nullable=False),
    Column("lines", JSONB, nullable=False, comment="as requested: product, quantity, unit_price"),
    Column("currency", Text, nullable=False),
    Column("rep", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("number", BigInteger, nullable=False, comment="of the device's mutation"),
    Column("requested", DateTime(timezone=True), nullable=False),
    Column("history", Boolean, nullable=False, comment="it was history when it was heard"),
    Column("content", Text, nullable=False, comment="hash of what is asked for, to tell a repeat from another request"),
    Index("order_request_order", "order_id"),
    comment="Written from order.requested only",
)

order_decision = Table(
    "order_decision",
    metadata,
    Column("order_id", Id, primary_key=True),
    Column("content", Text, nullable=False, comment="of the request that was decided; empty if not known any more"),
    Column("outcome", Text, nullable=False, comment="placed, refused, or waiting for a person"),
    Column("reason", Text, nullable=False, comment="of a refusal or of waiting"),
    Column("decided", DateTime(timezone=True), nullable=False),
    Column("by", Text, nullable=False),
    Index("order_decision_outcome", "outcome", "decided"),
    comment="The first decision stands: a rebuild keeps it",
)
