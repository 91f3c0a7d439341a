"""What is due and what is owed know their trace."""

from shared.pipeline import version6

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    version6.traces()
