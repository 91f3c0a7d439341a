"""Forms of values that requests may carry, for every api.py."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

from shared.texts import N_, Saying

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class NotOfTheForm(Saying, ValueError):
    """A value that a request carries isn't of its form."""


class Input(BaseModel):
    """A request's body. Unknown names are refused, so that a misspelled one isn't silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _printable(text: str) -> str:
    if any((ord(c) < 32 and c not in "\n\r\t") or 0xD800 <= ord(c) <= 0xDFFF for c in text):
        raise NotOfTheForm(N_("control characters aren't allowed"))
    return text


def _utc(instant: datetime) -> datetime:
    try:
        instant = instant.astimezone(UTC)
    except OverflowError:
        raise NotOfTheForm(N_("the instant is out of range")) from None
    if instant < EARLIEST:
        raise NotOfTheForm(N_("the instant lies before 1970"))
    return instant


Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,39}$")]
"""A short name in lower case, such as a queue's or a reason's."""

ShortText = Annotated[str, StringConstraints(max_length=200), AfterValidator(_printable)]
LongText = Annotated[str, StringConstraints(max_length=5_000), AfterValidator(_printable)]
Instant = Annotated[AwareDatetime, AfterValidator(_utc)]
"""With a zone; kept in UTC."""

Id = Annotated[UUID, PlainSerializer(str)]

FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.]{0,79}$")]
"""Of a customer's field."""

ClaimId = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[\w-]+$")]
Value = LongText | Annotated[list[ShortText], Field(max_length=500)]
"""Of a customer's field; of a set all its elements."""

Custom = Annotated[dict[Code, LongText], Field(max_length=200)]
"""Values of a department's own fields, by code."""
