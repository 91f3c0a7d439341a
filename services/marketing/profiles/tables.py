"""The tables of profiles: sums by member, and every order."""

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, Table, Text
from sqlalchemy.dialects.postgresql import UUID

from services.marketing.metadata import metadata
from shared.pipeline.tables import ROOM

_Id = UUID(as_uuid=False)
_C = Text(collation="C")  # compares as Python does
_At = DateTime(timezone=True)

profile = Table(
    "profile",
    metadata,
    Column("member", _Id, primary_key=True),
    Column("registered", _At, comment="the earliest, where several services did"),
    Column("contacts", Integer, nullable=False),
    Column("last_contact", _At),
    Column("abandoned", Integer, nullable=False, comment="contacts that nobody answered in time"),
    Column("satisfaction_sum", Integer, nullable=False),
    Column("satisfaction_count", Integer, nullable=False),
    Column("cases_opened", Integer, nullable=False),
    Column("cases_resolved", Integer, nullable=False),
    comment="What was told of each member, as sums; those of a cluster are added up when they are read",
    postgresql_with={"fillfactor": ROOM},
)

spending = Table(
    "spending",
    metadata,
    Column("member", _Id, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("orders", Integer, nullable=False, comment="cancelled ones included"),
    Column("amount", BigInteger, nullable=False, comment="of all orders, in minor units; cancelled ones included"),
    Column("first_order", _At, nullable=False),
    Column("last_order", _At, nullable=False),
    Column("cancelled", Integer, nullable=False),
    Column("cancelled_amount", BigInteger, nullable=False),
    comment="Sums over the orders of each member, by currency",
    postgresql_with={"fillfactor": ROOM},
)

purchase = Table(
    "purchase",
    metadata,
    Column("member", _Id, primary_key=True),
    Column("order_id", _C, primary_key=True),
    Column("occurred", _At, nullable=False),
    Column("amount", BigInteger, nullable=False, comment="in minor units"),
    Column("currency", Text, nullable=False),
    Column("cancelled", _At, comment="when, if it was"),
    Index("purchase_occurred", "occurred"),
    comment="Every order, as segments count it",
)
