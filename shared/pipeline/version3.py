"""The third version of the tables that services share: room in pages for rows that are written again and again."""

from alembic import op

from shared.pipeline.tables import ROOM


def pipeline() -> None:
    """Leave room in the pages of what each event of a customer writes anew."""
    leave_room("position", "stream_head", "due")


def leave_room(*tables: str) -> None:
    """Have these tables' pages filled in part only, from now on."""
    for table in tables:
        op.execute(f"ALTER TABLE {table} SET (fillfactor = {ROOM})")
