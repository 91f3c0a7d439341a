"""What the circle of services needs: derived facts, sameness of customers, signs of life."""

from shared.pipeline import version2

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    version2.pipeline()
    version2.customers()
