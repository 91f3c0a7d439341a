"""Which queues each agent takes contacts from, and whether he is there."""

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

agent_state = Table(
    "agent_state",
    metadata,
    Column("agent", Text, primary_key=True),
    Column("name", Text, nullable=False, comment="as it stood in the agent's last token"),
    Column("state", Text, nullable=False, comment="available, break or away, as the agent says"),
    Column("reason", Text, nullable=False, server_default="", comment="of a break"),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("heard", DateTime(timezone=True), nullable=False, comment="when a page of the agent's was open last"),
)
