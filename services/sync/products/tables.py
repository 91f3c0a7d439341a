"""What is known of products."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, MetaData, Table, Text

metadata = MetaData()

product = Table(
    "product",
    metadata,
    Column("id", Text(collation="C"), primary_key=True),
    Column("name", Text, nullable=False),
    Column("unit_price", BigInteger, nullable=False, comment="in minor units"),
    Column("currency", Text, nullable=False),
    Column("on_sale", Boolean, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, comment="when it was defined so"),
    comment="Products as sales force automation defined them last",
)
DERIVED = (product,)
