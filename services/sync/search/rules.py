"""What somebody may mean by the words in the one box. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from shared.customer.searching import plain

LEAST_DIGITS = 4
LEAST_OF_ID = 8
"""Characters of an id from which on it may be looked for: fewer are the same for all that was made in one hour."""
_PHONE = re.compile(r"[+(]?[\d\s().+/-]+")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f-]*)?")
_WHOLE = "00000000-0000-0000-0000-000000000000"


class Meant(NamedTuple):
    """What the words may be; empty where they can't be that."""

    name: str = ""
    phone: str = ""
    email: str = ""
    id: str = ""
    """The beginning of an id, in small letters."""


def meant(words: str) -> Meant:
    """The ways to understand the words; often several: digits are a number, and a company may be called so."""
    words = words.strip()
    bare = words.lower()
    id = bare if _ID.fullmatch(bare) and len(bare) <= len(_WHOLE) else ""
    if "-" in id[LEAST_OF_ID:]:
        return Meant(id=id)  # nobody is called so
    if "@" in words:
        return Meant(email=words)
    digits = sum(d.isascii() and d.isdigit() for d in words)
    phone = words if _PHONE.fullmatch(words) and digits >= LEAST_DIGITS else ""
    return Meant(name=plain(words), phone=phone, id=id)


def ids_between(begin: str) -> tuple[str, str] | None:
    """The least and the greatest id that begin so; none if none can."""
    if any((a == "-") != (b == "-") for a, b in zip(begin, _WHOLE, strict=False)):
        return None
    rest = _WHOLE[len(begin) :]
    return begin + rest, begin + rest.replace("0", "f")
