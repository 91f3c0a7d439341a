"""Departments define fields, states and lists as data."""

from shared.pipeline import version7

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    version7.definitions()
