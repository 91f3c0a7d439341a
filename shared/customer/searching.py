"""Words as they are searched, and compared where they tell customers apart. Pure."""

import re
import unicodedata
from collections.abc import Mapping

from shared.customer.policies import FieldState

_ASCII_WORDS = re.compile("[0-9a-z]+")


def plain(words: str) -> str:
    """Words as they are searched: small letters, no accents, nothing but letters and digits."""
    if words.isascii():
        return " ".join(_ASCII_WORDS.findall(words.lower()))
    return _any_letters(words)


def plain_email(address: str) -> str:
    """An e-mail address as it is searched: hardly any server tells capitals apart, whatever the standard."""
    return address.strip().casefold()


def searched(states: Mapping[str, FieldState]) -> dict[str, str]:
    """What a record is found by: words of its name, number, address."""

    def one(name: str) -> str:
        value = states[name].value if name in states else ""
        return value if isinstance(value, str) else " ".join(value)

    return {
        "name": plain(" ".join(map(one, ("given_name", "family_name", "company")))),
        "phone": one("phone"),
        "email": plain_email(one("email")),
    }


def _any_letters(words: str) -> str:
    bare = "".join(c for c in unicodedata.normalize("NFKD", words.casefold()) if not unicodedata.combining(c))
    return " ".join("".join(c if c.isalnum() else " " for c in bare).split())
