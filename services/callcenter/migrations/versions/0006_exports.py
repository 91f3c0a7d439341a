"""Files of customers that left, and the audit log by time."""

from shared.pipeline import version5

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    version5.exports()
