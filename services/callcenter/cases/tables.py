"""Cases."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, DateTime, Double, ForeignKey, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from services.callcenter.metadata import metadata
from shared.pipeline.customer_tables import Id, customer_record

case = Table(
    "customer_case",
    metadata,
    Column("id", Id, primary_key=True),
    Column("member", Id, ForeignKey(customer_record.c.member), nullable=False),
    Column("contact", Id, ForeignKey("contact.id"), comment="at which it was opened"),
    Column("reason", Text, nullable=False),
    Column("subject", Text, nullable=False, comment="personal"),
    Column("state", Text, nullable=False, comment="open or resolved"),
    Column("requested", DateTime(timezone=True), nullable=False),
    Column("opened", DateTime(timezone=True), nullable=False),
    Column("opened_by", Text, nullable=False),
    Column("resolved", DateTime(timezone=True)),
    Column("solution", Text, nullable=False, server_default="", comment="personal"),
    Column("seconds_to_solution", Double),
    Column("immediate", Boolean, comment="solved within three minutes of the request"),
    Column("product", Text, nullable=False, server_default="", comment="a code; empty: none in particular"),
    Column("place", Text, nullable=False, server_default="", comment="a code, as coarse as an area; empty: not known"),
    Column(
        "custom",
        JSONB,
        nullable=False,
        server_default=text("'{}'"),
        comment="personal: values of the department's own fields",
    ),
    Column("step", Text, nullable=False, server_default="", comment="a state of the department's own"),
    Index("customer_case_member", "member", "requested"),
    Index("customer_case_open", "requested", postgresql_where=text("state = 'open'")),
)
