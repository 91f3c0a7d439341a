"""People are forgotten by two, and each service answers that it did."""

from shared.administration.erasures import versions

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    versions.first()
