"""What is due and what is owed know their trace."""

from shared.pipeline import version6

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    version6.traces()
