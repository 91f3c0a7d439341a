"""The tables of customers' records: the same in every service that knows customers. Made by its migrations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, Column, DateTime, Index, MetaData, Table, Text, any_, cast, func, text
from sqlalchemy.dialects.postgresql import JSONB, UUID

metadata = MetaData()
Id = UUID(as_uuid=False)
_C = Text(collation="C")  # compares as Python does

claim = Table(
    "claim",
    metadata,
    Column("member", Id, primary_key=True),
    Column("field", _C, primary_key=True),
    Column("id", _C, primary_key=True),
    Column("value", _C, nullable=False, comment="personal, in the clear; deleted when the member is erased"),
    Column("saw", ARRAY(_C), nullable=False),
    Column("occurred", DateTime(timezone=True), nullable=False),
    Column("source", _C, nullable=False),
    Column("author", _C, nullable=False),
    Index("claim_custom", "field", postgresql_where=text("field LIKE 'custom.%'")),
)

customer_record = Table(
    "customer_record",
    metadata,
    Column("member", Id, primary_key=True),
    Column("registered", DateTime(timezone=True), comment="first known of; none once the member is erased"),
    Column("states", JSONB, nullable=False, server_default=text("'{}'"), comment="FieldState by field"),
    Column("name", Text, nullable=False, server_default=text("''"), comment="words to search, see plain"),
    Column("phone", Text, nullable=False, server_default=text("''")),
    Column("email", Text, nullable=False, server_default=text("''"), comment="without capitals"),
    Index("customer_record_name", text("to_tsvector('simple', name)"), postgresql_using="gin"),
    Index("customer_record_email", "email", postgresql_ops={"email": "text_pattern_ops"}),
    Index("customer_record_registered", text("registered DESC"), "member"),
    comment="What the claims of each member fold to; also the row by which a member is locked",
)

# The last digits of a number are known in more forms than the first ones.
Index(
    "customer_record_phone",
    func.reverse(customer_record.c.phone).label("backwards"),
    postgresql_ops={"backwards": "text_pattern_ops"},
)

customer_cluster = Table(
    "customer_cluster",
    metadata,
    Column("member", Id, primary_key=True),
    Column("cluster", Id, nullable=False, comment="the least of its members"),
    Index("customer_cluster_cluster", "cluster"),
    comment="Which members are the same customer, as sync says; one that isn't here is a cluster of its own",
)

custom_field = Table(
    "custom_field",
    metadata,
    Column("name", _C, primary_key=True, comment="with its prefix: custom.contract"),
    Column("label", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("choices", ARRAY(Text), nullable=False),
    Column("occurred", DateTime(timezone=True), nullable=False),
    Column("event_id", _C, nullable=False, comment="of two definitions the later stands, by (occurred, id)"),
    comment="The newest definition of each department's field",
)


def any_of(ids: Iterable[str]) -> Any:
    """``= ANY (ids)``: one parameter, however many there are."""
    return any_(cast(list(ids), ARRAY(Id)))
