"""Files of customers that left, and the audit log by time."""

from shared.pipeline import version5

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    version5.exports()
