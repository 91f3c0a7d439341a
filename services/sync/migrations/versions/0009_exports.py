"""Files of customers that left, and the audit log by time."""

from shared.pipeline import version5

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    version5.exports()
