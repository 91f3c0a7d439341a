"""Where values gave way, so that those of all customers can be listed."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Boolean, Column, DateTime, Index, MetaData, Table, Text
from sqlalchemy.orm import Session

from shared.edge.db import text_array
from shared.edge.statements import run
from shared.pipeline.customer_tables import Id

metadata = MetaData()
_C = Text(collation="C")

lost_value = Table(
    "lost_value",
    metadata,
    Column("member", Id, primary_key=True),
    Column("field", _C, primary_key=True),
    Column("claim", _C, primary_key=True),
    Column("occurred", DateTime(timezone=True), nullable=False),
    Column("source", _C, nullable=False, comment="of the claim"),
    Column("reason", Text, nullable=False),
    Column("settled", Boolean, nullable=False, comment="whether a later claim has seen both"),
    Index("lost_value_occurred", "occurred", "claim", "member", "field"),
    comment="The ledgers of all records, without values: those are the claims'",
)

# What records say now, in place of what they said. Of most members there is nothing to say, and nothing is read.
_KEEP = """
WITH now AS MATERIALIZED (
  SELECT r.member, f.key AS field, c.id AS claim, c.occurred, c.source, l ->> 'reason' AS reason,
    l ->> 'settled_by' IS NOT NULL AS settled
  FROM customer_record r
  CROSS JOIN LATERAL jsonb_each(r.states) f
  CROSS JOIN LATERAL jsonb_array_elements(f.value -> 'ledger') l
  JOIN claim c ON c.member = r.member AND c.field = f.key AND c.id = l ->> 'claim'
  WHERE r.member = ANY (CAST(%(members)s AS uuid[])) AND jsonb_path_exists(r.states, '$.*.ledger')
),
gone AS (
  DELETE FROM lost_value v WHERE v.member = ANY (CAST(%(members)s AS uuid[]))
    AND NOT EXISTS (SELECT FROM now n WHERE (n.member, n.field, n.claim) = (v.member, v.field, v.claim))
)
INSERT INTO lost_value AS v (member, field, claim, occurred, source, reason, settled)
SELECT member, field, claim, occurred, source, reason, settled FROM now ORDER BY member, field, claim
ON CONFLICT (member, field, claim) DO UPDATE SET occurred = excluded.occurred, source = excluded.source,
  reason = excluded.reason, settled = excluded.settled
WHERE (excluded.occurred, excluded.source, excluded.reason, excluded.settled)
  IS DISTINCT FROM (v.occurred, v.source, v.reason, v.settled)
"""


def keep_lost(session: Session, members: Collection[str]) -> None:
    """Note anew which values of these members gave way. To be called with the members locked."""
    if members:
        run(session, _KEEP, {"members": text_array(sorted(members))})
