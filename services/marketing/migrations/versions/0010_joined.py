"""Since when each other block is heard."""

from shared.pipeline import version8

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    version8.joined()
