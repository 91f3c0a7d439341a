"""Room in pages for rows that are written again and again."""

from shared.pipeline import version3

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    version3.pipeline()
