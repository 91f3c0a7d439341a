"""The tables of customers' records: the same in every service that knows customers. Made by its migrations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    any_,
    cast,
    func,
    text,
)
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
    Column("labels", JSONB, nullable=False, server_default=text("'{}'"), comment="language -> text"),
    Column("place", Integer, nullable=False, server_default=text("0"), comment="in the list"),
    Column("retired", Boolean, nullable=False, server_default=text("false"), comment="it takes no new value"),
    Column("department", _C, nullable=False, server_default=text("''"), comment="who defined it; empty: not known"),
    comment="The newest definition of each department's field",
)

definition = Table(
    "definition",
    metadata,
    Column("department", _C, primary_key=True, comment="the service whose it is"),
    Column("kind", _C, primary_key=True, comment="reason, case_field … as in shared/customer/definitions.py"),
    Column("code", _C, primary_key=True),
    Column("labels", JSONB, nullable=False, comment="language -> text"),
    Column("place", Integer, nullable=False, comment="in its list"),
    Column("retired", Boolean, nullable=False),
    Column("form", Text, nullable=False, comment="of a field: what it holds"),
    Column("choices", ARRAY(Text), nullable=False),
    Column("category", Text, nullable=False, comment="of a state: the platform's state that it is a part of"),
    Column("occurred", DateTime(timezone=True), nullable=False),
    Column("event_id", _C, nullable=False, comment="the later stands, by (occurred, id); empty: not said yet"),
    Index("definition_unsaid", "kind", "code", postgresql_where=text("event_id = ''")),
    comment="What departments defined as data: own ones as commands made them, others as they are heard",
)


def any_of(ids: Iterable[str]) -> Any:
    """``= ANY (ids)``: one parameter, however many there are."""
    return any_(cast(list(ids), ARRAY(Id)))
