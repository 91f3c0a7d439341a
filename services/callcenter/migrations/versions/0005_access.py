"""Who may do what, and who did it."""

from shared.pipeline import version4

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    version4.access()
