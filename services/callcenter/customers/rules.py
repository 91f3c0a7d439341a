"""How phone numbers are read in any writing, and by which terms a customer is found. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from shared.customer.fields import BUILT_IN, InvalidValue, parse

Values = Mapping[str, str | tuple[str, ...]]
Term = tuple[str, str]
"""(kind, text), the kind being ``phone``, ``email`` or ``name``."""

NAMES = ("given_name", "family_name", "company")
FOUND_BY = frozenset({"phone", "email", *NAMES})
"""The fields whose values make terms."""


class NotAPhone(ValueError):
    """The text isn't a phone number in any writing."""


def e164(text: str, region: str) -> str:
    """A phone number as +, country code and number. ``region``: the country of numbers without a code.

    The prefix 00 counts as + everywhere, as people carry numbers over from countries that dial it so; an
    extension is left out. Raises ``NotAPhone``.
    """
    # 00 is followed by a country code, and in no country does a national number start so.
    plain = re.sub(r"^\s*(?:tel:)?\s*\(?00\)?(?=[\s\d])", "+", text)
    for writing in (plain, text):
        try:
            number = phonenumbers.parse(writing, region)
        except NumberParseException:
            continue
        if phonenumbers.is_possible_number(number):
            return phonenumbers.format_number(number, PhoneNumberFormat.E164)
    raise NotAPhone("a phone number is expected, such as +1 555 010 0199")


def address_term(text: str, region: str) -> Term | None:
    """What a contact's number or address says of the customer; none when it says nothing (withheld)."""
    if "@" in text:
        return "email", email_term(text)
    try:
        return "phone", e164(text, region)
    except NotAPhone:
        return None


def email_term(text: str) -> str:
    """An e-mail address as it is searched: hardly any server tells capitals apart, whatever the standard."""
    return text.strip().casefold()


def name_terms(text: str) -> list[str]:
    """The words of a name without accents and capitals."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return [word for word in re.split(r"[\W_]+", plain) if word]


def terms(values: Values) -> set[Term]:
    """Everything that a customer of these values is found by."""
    return set(_terms(values))


def _terms(values: Values) -> Iterator[Term]:
    if phone := values.get("phone"):
        yield "phone", str(phone)
    if email := values.get("email"):
        yield "email", email_term(str(email))
    for name in NAMES:
        for word in name_terms(str(values.get(name) or "")):
            yield "name", word[:100]


def full_name(values: Values) -> str:
    """The name people call the customer by; empty when none is known."""
    person = " ".join(str(values[n]) for n in ("given_name", "family_name") if values.get(n))
    return person or str(values.get("company") or "")


def mentions(changes: Collection[str]) -> bool:
    """Whether a change of these fields changes how the customer is found."""
    return not FOUND_BY.isdisjoint(changes)


def is_email(text: str) -> bool:
    """Whether a customer's e-mail field takes the text."""
    try:
        return bool(parse(BUILT_IN["email"], text))
    except InvalidValue:
        return False
