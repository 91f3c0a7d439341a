"""Since when each other block is heard."""

from shared.pipeline import version8

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    version8.joined()
