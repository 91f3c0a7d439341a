"""Orders, their lines and their history. About a person are the member's id and the department's own fields."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, Index, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from services.sfa.metadata import metadata
from shared.pipeline.customer_tables import Id

sales_order = Table(
    "sales_order",
    metadata,
    Column("id", Id, primary_key=True),
    Column("member", Id, nullable=False),
    Column("state", Text, nullable=False, comment="placed, provisioned, delivered or cancelled"),
    Column("total", BigInteger, nullable=False, comment="minor units"),
    Column("currency", Text, nullable=False),
    Column("channel", Text, nullable=False, comment="device, desk, web or import"),
    Column("rep", Text, nullable=False),
    Column("territory", Text, nullable=False, comment="in which the customer was"),
    Column("placed", DateTime(timezone=True), nullable=False),
    Column("changed", DateTime(timezone=True), nullable=False, comment="the newest step"),
    Column("promised", DateTime(timezone=True)),
    Column("problem", Text, nullable=False, comment="why it is delayed; empty when it isn't"),
    Column("delivered", DateTime(timezone=True)),
    Column("how", Text, nullable=False, comment="on_site or remote, once delivered"),
    Column("reason", Text, nullable=False, comment="why it was cancelled"),
    Column(
        "custom",
        JSONB,
        nullable=False,
        server_default=text("'{}'"),
        comment="personal: values of the department's own fields",
    ),
    Column("step", Text, nullable=False, server_default="", comment="a state of the department's own"),
    Index("sales_order_member", "member", "placed"),
    Index("sales_order_placed", "placed"),
    Index("sales_order_territory", "territory", "placed"),
    Index("sales_order_rep", "rep", "placed"),
    Index("sales_order_open", "state", "placed", postgresql_where=text("state IN ('placed', 'provisioned')")),
)

order_line = Table(
    "order_line",
    metadata,
    Column("order_id", Id, ForeignKey(sales_order.c.id), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("product", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("unit_price", BigInteger, nullable=False, comment="minor units"),
)

order_step = Table(
    "order_step",
    metadata,
    Column("order_id", Id, ForeignKey(sales_order.c.id), primary_key=True),
    Column("place", Integer, Identity(), primary_key=True),
    Column("step", Text, nullable=False, comment="placed, provisioned, delayed, delivered or cancelled"),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("by", Text, nullable=False),
    Column("detail", Text, nullable=False, comment="a code: how, which problem, why"),
)
