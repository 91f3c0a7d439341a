"""Products."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Table, Text

from services.sfa.metadata import metadata

product = Table(
    "product",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("unit_price", BigInteger, nullable=False, comment="minor units"),
    Column("currency", Text, nullable=False),
    Column("installation", Text, nullable=False, comment="remote or on_site"),
    Column("on_sale", Boolean, nullable=False),
)
