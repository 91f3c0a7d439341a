"""Departments define fields, states and lists as data."""

from shared.pipeline import version7

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    version7.definitions()
