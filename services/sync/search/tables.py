"""What is looked for by its id."""

from sqlalchemy import Column, DateTime, MetaData, Table, Text

from shared.pipeline.customer_tables import Id

metadata = MetaData()
_C = Text(collation="C")  # so that what begins in a way is found by the index

thing = Table(
    "thing",
    metadata,
    Column("id", _C, primary_key=True),
    Column("kind", _C, primary_key=True, comment="contact, case, order or note"),
    Column("member", Id, primary_key=True),
    Column("source", Text, nullable=False, comment="the service that told of it first"),
    Column("occurred", DateTime(timezone=True), nullable=False, comment="when it was first told of"),
    comment="Whose a contact, case, order or note is: ids, and nothing about the person",
)
