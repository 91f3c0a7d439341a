"""The table of devices that may still have an erased customer."""

from sqlalchemy import BigInteger, Column, DateTime, MetaData, PrimaryKeyConstraint, Table, Text
from sqlalchemy.dialects.postgresql import UUID

metadata = MetaData()
_Id = UUID(as_uuid=False)
_C = Text(collation="C")  # compares as Python does

erased_on_device = Table(
    "erased_on_device",
    metadata,
    Column("member", _Id, nullable=False),
    Column("device", _Id, nullable=False),
    Column("scope", _C, nullable=False),
    Column("pos", BigInteger, nullable=False, comment="at which the customer left the scope"),
    Column("dropped", DateTime(timezone=True), comment="when it was seen that the device doesn't follow the scope now"),
    PrimaryKeyConstraint("member", "device", "scope"),
    comment="Which devices may still have an erased customer. Not derived",
)
