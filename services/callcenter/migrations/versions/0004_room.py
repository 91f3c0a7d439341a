"""Room in pages for rows that are written again and again."""

from shared.pipeline import version3

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    version3.pipeline()
