"""People are forgotten by two, and each service answers that it did."""

from shared.administration.erasures import versions

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    versions.first()
