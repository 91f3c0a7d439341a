"""The table of values of departments' own fields."""

from sqlalchemy import Column, DateTime, Index, Table, Text
from sqlalchemy.dialects.postgresql import UUID

from services.marketing.metadata import metadata

_C = Text(collation="C")  # compares as Python does

custom_value = Table(
    "custom_value",
    metadata,
    Column("member", UUID(as_uuid=False), primary_key=True),
    Column("kind", _C, primary_key=True, comment="contact_field, case_field or order_field"),
    Column("department", _C, primary_key=True, comment="whose field it is"),
    Column("about", _C, primary_key=True, comment="the contact, case or order"),
    Column("code", _C, primary_key=True),
    Column("occurred", DateTime(timezone=True), primary_key=True, comment="since when; until the next one"),
    Column("value", _C, nullable=False, comment="personal, in the clear; deleted when the member is erased"),
    Index("custom_value_of", "kind", "department", "code"),
    comment="What was written into departments' own fields of reviews, cases and orders",
)
