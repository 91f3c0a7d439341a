"""Who may do what, and who did it."""

from shared.pipeline import version4

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    version4.access()
