"""What is due and what is owed know their trace."""

from shared.pipeline import version6

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    version6.traces()
