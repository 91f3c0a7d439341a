"""Since when each other block is heard."""

from shared.pipeline import version8

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    version8.joined()
