"""The tables of erasures: what people proposed and decided, what was forgotten here, and what others answered."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import UUID

metadata = MetaData()
_Id = UUID(as_uuid=False)
_C = Text(collation="C")  # compares as Python does
_Instant = DateTime(timezone=True)

erasure = Table(
    "erasure",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("customer", _Id, nullable=False, comment="for whom it was proposed"),
    Column("members", ARRAY(_Id), nullable=False, comment="all that were this customer then: who is consented to"),
    Column("reason", Text, nullable=False, comment="a code: request, retention or error"),
    Column("proposed_by", Text, nullable=False),
    Column("proposed", _Instant, nullable=False),
    Column("state", Text, nullable=False, comment="proposed, withdrawn or erased"),
    Column("decided_by", Text, comment="who consented or withdrew"),
    Column("decided", _Instant),
    Index("erasure_proposed", text("proposed DESC"), "id"),
    comment="Erasures that were proposed here. Not derived",
)

forgotten = Table(
    "forgotten",
    metadata,
    Column("member", _Id, nullable=False),
    Column("place", _C, nullable=False),
    Column("rows", BigInteger, nullable=False, comment="that were deleted or emptied"),
    Column("at", _Instant, nullable=False),
    PrimaryKeyConstraint("member", "place"),
    comment="Where this service has forgotten erased members. Not derived: a rebuild doesn't answer again",
)

erasure_answer = Table(
    "erasure_answer",
    metadata,
    Column("member", _Id, nullable=False),
    Column("source", _C, nullable=False, comment="the service that answered"),
    Column("place", _C, nullable=False, comment="empty: the service as a whole"),
    Column("state", Text, nullable=False, comment="forgotten, open or export"),
    Column("rows", BigInteger, nullable=False),
    Column("at", _Instant, nullable=False),
    PrimaryKeyConstraint("member", "source", "place"),
    comment="What other services said of what they forgot",
)

erasure_log = Table(
    "erasure_log",
    metadata,
    Column("erasure", _Id, nullable=False),
    Column("source", _C, nullable=False, comment="whose keys topic"),
    Column("wrapped", BigInteger, nullable=False, comment="keys of the members that it still holds"),
    Column("at", _Instant, nullable=False, comment="when it was read from its beginning"),
    PrimaryKeyConstraint("erasure", "source"),
    comment="What the topics of keys still hold of erased members, until they are compacted",
)
