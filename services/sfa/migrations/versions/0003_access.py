"""Who may do what, and who did it."""

from shared.pipeline import version4

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    version4.access()
