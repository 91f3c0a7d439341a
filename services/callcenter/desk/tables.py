"""Which queues each agent takes contacts from."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Table, Text

from services.callcenter.metadata import metadata

presence = Table(
    "presence",
    metadata,
    Column("agent", Text, primary_key=True),
    Column("queue", Text, primary_key=True),
    Column("since", DateTime(timezone=True), nullable=False),
)
