"""The department defines its reasons, outcomes, queues, states and fields as data."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.pipeline import version7

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    version7.definitions()
    for table in ("contact", "customer_case"):
        custom = sa.Column(
            "custom",
            postgresql.JSONB(),
            nullable=False,
            server_default=sa.text("'{}'"),
            comment="personal: values of the department's own fields",
        )
        op.add_column(table, custom)
    step = sa.Column("step", sa.Text(), nullable=False, server_default="", comment="a state of the department's own")
    op.add_column("customer_case", step)
    # The table choice stays for the former release's processes, which read it. They don't add to it but queues that
    # the telephone system names, and those come again with its next call.
    op.execute("""
INSERT INTO definition
SELECT 'callcenter', kind, code, json_build_object('en', label_en, 'es', label_es), place, false, '', '{}', '',
       timestamptz '1970-01-01 00:00+00', ''
FROM choice
""")
    op.execute("INSERT INTO due (task, key, at, history) VALUES ('definitions', 'first', 'epoch', true)")
