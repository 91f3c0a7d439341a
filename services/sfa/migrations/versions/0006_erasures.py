"""People are forgotten by two, and each service answers that it did."""

from shared.administration.erasures import versions

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    versions.first()
