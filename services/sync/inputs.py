"""Forms of values that requests may carry, and who may read, shared by the slices' api.py."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, StringConstraints

READERS = ("agent", "supervisor", "operator")
"""Any authorised employee sees customers; machines don't."""

Id = Annotated[UUID, PlainSerializer(str)]


class Input(BaseModel):
    """A request's body. Unknown names are refused, so that a misspelled one isn't silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _printable(text: str) -> str:
    if any((ord(c) < 32 and c not in "\n\r\t") or 0xD800 <= ord(c) <= 0xDFFF for c in text):
        raise ValueError("control characters aren't allowed")
    return text


ShortText = Annotated[str, StringConstraints(max_length=200), AfterValidator(_printable)]
LongText = Annotated[str, StringConstraints(max_length=5_000), AfterValidator(_printable)]
