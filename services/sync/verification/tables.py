"""The table of what publishers said of their own streams."""

from sqlalchemy import Column, Integer, MetaData, Table, Text

metadata = MetaData()
_C = Text(collation="C")  # compares as Python does

told_head = Table(
    "told_head",
    metadata,
    Column("source", _C, primary_key=True),
    Column("stream", _C, primary_key=True),
    Column("sequence", Integer, nullable=False, comment="of the newest event of the stream, as its publisher said"),
    comment="How far each publisher has come in its streams, as it reports from time to time",
)
