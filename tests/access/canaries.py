"""Texts that give themselves away wherever they turn up."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shared.access.actions import TEXT, Action
from tests.access.model import Canary

FIELDS = (
    "given_name",
    "family_name",
    "company",
    "phone",
    "email",
    "street",
    "postal_code",
    "city",
    "country",
    "language",
    "birth_date",
    "products",
    "notes",
    "customer_since",
    "custom.hobby",
    "custom.shoe",
)
"""The fields of a customer whose values can be told apart from all others."""
_FOUND = re.compile(r"zq\d{5}q|(?<!\d)1?555\d{7}(?!\d)|(?<!\d)19[0-6]\d-\d\d-\d\d", re.IGNORECASE)
# People's pages may write a number with spaces.
_GAPS = re.compile(r"(?<=\d)[ ().-](?=\d)")


class Canaries:
    """The canaries of one world; each is made once and found again in any text."""

    def __init__(self) -> None:
        self._made: dict[str, Canary] = {}
        self._count = 0

    def field(self, member: str, name: str) -> str:
        """A value of a customer's field."""
        self._count += 1
        match name:
            case "phone":
                return self._keep(f"1555010{self._count:04d}", member, Action.CUSTOMER_READ, name, sign="+")
            case "birth_date" | "customer_since":
                months, day = divmod(self._count, 28)
                years, month = divmod(months, 12)
                return self._keep(f"{1900 + years}-{month + 1:02d}-{day + 1:02d}", member, Action.CUSTOMER_READ, name)
            case "email":
                return self._keep(f"zq{self._count:05d}q", member, Action.CUSTOMER_READ, name) + "@example.com"
            case _:
                return self._keep(f"zq{self._count:05d}q", member, Action.CUSTOMER_READ, name)

    def fields(self, member: str, *names: str) -> dict[str, str]:
        """A value for each of these fields; of all if none is named."""
        return {name: self.field(member, name) for name in names or FIELDS}

    def text(self, member: str, action: Action, field: str | None = TEXT) -> str:
        """A free text that hangs on something which is seen by ``action``; None: no text that people wrote."""
        self._count += 1
        return self._keep(f"zq{self._count:05d}q", member, action, field)

    def number(self, member: str, action: Action, field: str = "phone") -> str:
        """A telephone number that isn't a field of the customer but hangs on something."""
        self._count += 1
        return self._keep(f"1555010{self._count:04d}", member, action, field, sign="+")

    def of(self, member: str) -> list[Canary]:
        return [canary for canary in self._made.values() if canary.member == member]

    def adopt(self, old: str, new: str) -> None:
        """A member that was called ``old`` while it was made is ``new``."""
        for text, canary in self._made.items():
            if canary.member == old:
                self._made[text] = Canary(text, new, canary.action, canary.field)

    def found(self, text: str) -> Iterator[Canary]:
        """Every canary that stands in a text."""
        seen = set()
        for given in (text, _GAPS.sub("", text)):
            for match in _FOUND.findall(given):
                plain = match.lower()
                plain = plain if plain.startswith(("zq", "1")) else f"1{plain}"
                if plain in self._made and plain not in seen:
                    seen.add(plain)
                    yield self._made[plain]

    def _keep(self, text: str, member: str, action: Action, field: str | None, sign: str = "") -> str:
        self._made[text] = Canary(text, member, action, field)
        return sign + text
