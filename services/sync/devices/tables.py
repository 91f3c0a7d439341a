"""The tables of devices: what is heard for them, they themselves with what they sent, and their feed."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

metadata = MetaData()
_Id = UUID(as_uuid=False)
_C = Text(collation="C")  # compares as Python does
_Instant = DateTime(timezone=True)

territory = Table(
    "territory",
    metadata,
    Column("id", _C, primary_key=True),
    Column("name", Text, nullable=False),
    Column("parent", _C, nullable=False, comment="empty at the top"),
)

territory_rep = Table(
    "territory_rep",
    metadata,
    Column("territory", _C, primary_key=True),
    Column("rep", _C, primary_key=True),
    Column("stands", Boolean, nullable=False, comment="false once the rep was withdrawn"),
)

member_territory = Table(
    "member_territory",
    metadata,
    Column("member", _Id, primary_key=True),
    Column("territory", _C, nullable=False, comment="empty: in none"),
    Column("at", _Instant, nullable=False),
)

sales_force = Table(
    "sales_force",
    metadata,
    Column("source", _C, primary_key=True),
    Column("left", _Instant, comment="when the company gave it up, if it did"),
    comment="Whether sales force automation was ever heard of",
)

member_order = Table(
    "member_order",
    metadata,
    Column("member", _Id, primary_key=True),
    Column("order", _C, primary_key=True),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("followed", JSONB, nullable=False),
    comment="Orders as sales force automation tells of them",
)

member_request = Table(
    "member_request",
    metadata,
    Column("member", _Id, primary_key=True),
    Column("order", _C, primary_key=True),
    Column("at", _Instant, nullable=False),
    Column("lines", JSONB, nullable=False),
    Column("currency", Text, nullable=False),
    comment="Orders as devices asked for them",
)

member_note = Table(
    "member_note",
    metadata,
    Column("member", _Id, primary_key=True),
    Column("note", _C, primary_key=True),
    Column("text", Text, nullable=False, comment="personal, in the clear; deleted when the member is erased"),
    Column("author", Text, nullable=False),
    Column("at", _Instant, nullable=False),
)

member_value = Table(
    "member_value",
    metadata,
    Column("member", _Id, primary_key=True),
    Column("value", JSONB, nullable=False),
    comment="What marketing says that a customer is worth; no row: nothing",
)

member_segment = Table(
    "member_segment",
    metadata,
    Column("member", _Id, primary_key=True),
    Column("segment", _C, primary_key=True),
    Column("since", _Instant, nullable=False),
)

device = Table(
    "device",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("rep", _C, nullable=False),
    Column("name", Text, nullable=False),
    Column("enrolled", _Instant, nullable=False),
    Column("revoked", _Instant),
    Column("reason", Text, nullable=False, server_default=text("''"), comment="why it was revoked"),
    Column("number", Integer, nullable=False, server_default=text("0"), comment="of its last mutation"),
    Column("made", _Instant, nullable=False, comment="when it made that, corrected"),
    Column("heard", _Instant, comment="when it last pulled or pushed"),
    Column("key", Text, comment="x of an Ed25519 JWK; none: enrolled before there were keys"),
    Column("turn", BigInteger, nullable=False, server_default=text("0"), comment="which it may use next"),
    Column(
        "roles",
        ARRAY(Text),
        nullable=False,
        server_default=text("'{}'"),
        comment="of its rep, when it was enrolled or renewed",
    ),
    Column("teams", ARRAY(Text), nullable=False, server_default=text("'{}'"), comment="as roles"),
    Column("renewed", _Instant, comment="when it last got another key"),
    Column(
        "readmitted",
        Boolean,
        nullable=False,
        server_default=false(),
        comment="revoked, and an operator lets the rep renew it",
    ),
)

device_turn = Table(
    "device_turn",
    metadata,
    Column("device", _Id, primary_key=True),
    Column("turn", BigInteger, primary_key=True, autoincrement=False),
    Column("request", _Id, nullable=False, comment="the one that used it"),
    comment="The last turns of each device, by which two with one key are noticed",
)

device_scope = Table(
    "device_scope",
    metadata,
    Column("device", _Id, primary_key=True),
    Column("scope", _C, primary_key=True),
    Column("pos", BigInteger, nullable=False, comment="up to where it has said to have the feed"),
)

mutation = Table(
    "mutation",
    metadata,
    Column("device", _Id, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kind", Text, nullable=False, comment="empty: what couldn't be read"),
    Column("member", _Id),
    Column("thing", _C, comment="the note, order or first claim that it made"),
    Column("made", _Instant, nullable=False, comment="corrected"),
    Column("received", _Instant, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False, comment="HMAC of what was sent"),
    Column("answer", JSONB, nullable=False, comment="what the device was told, and is told again"),
    Column("state", Text, nullable=False, comment="as this service decided; of an order, see member_order too"),
    Column("reason", Text, nullable=False),
    Column("content", Text, comment="of a quarantined one; personal, deleted at a decision and at the erasure"),
    Column("decided_by", Text, comment="who let it out of quarantine or discarded it"),
    Column("why", Text, comment="the reason that was given"),
    Index("mutation_thing", "thing"),
    Index("mutation_member", "member"),
    Index(
        "mutation_waiting", "device", postgresql_where=text("kind = 'order' AND state IN ('stored', 'no_owner_yet')")
    ),
    Index("mutation_quarantined", "received", postgresql_where=text("state = 'quarantined'")),
    comment="Everything that devices sent, each number once",
)

feed_scope = Table(
    "feed_scope",
    metadata,
    Column("scope", _C, primary_key=True),
    Column("epoch", _Id, nullable=False, comment="a device that knows another one starts over"),
    Column("pos", BigInteger, nullable=False, server_default=text("0"), comment="of the newest change"),
    Column("present", BigInteger, nullable=False, server_default=text("0"), comment="how many items there are"),
    Column("digest", LargeBinary, nullable=False, comment="exclusive or of the hashes of present items"),
    comment="Also the row by which the positions of a scope are locked",
)

feed_item = Table(
    "feed_item",
    metadata,
    Column("scope", _C, primary_key=True),
    Column("key", _C, primary_key=True),
    Column("pos", BigInteger, nullable=False),
    Column("hash", LargeBinary, comment="SHA-256 of the body; none of an item that left"),
    Column("body", Text, comment="personal; none of an item that left"),
    Index("feed_item_pos", "scope", "pos", unique=True),
    Index("feed_item_key", "key"),
    comment="What devices are to know. Not derived: a rebuild changes only what differs",
)

DERIVED = (
    territory,
    territory_rep,
    member_territory,
    sales_force,
    member_order,
    member_request,
    member_note,
    member_value,
    member_segment,
)
