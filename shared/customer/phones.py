"""Phone numbers in any writing."""

import re
from collections.abc import Mapping

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from shared.customer.fields import Field, InvalidValue, field
from shared.customer.fold import Change
from shared.texts import N_, Saying


class NotAPhone(Saying, ValueError):
    """The text isn't a phone number in any writing."""


def e164(text: str, region: str) -> str:
    """A phone number as +, country code and number. `region`: the country of numbers without a code.

    The prefix 00 counts as + everywhere, as people carry numbers over from countries that dial it so; an
    extension is left out. Raises NotAPhone.
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
    raise NotAPhone(N_("a phone number is expected, such as +1 555 010 0199"))


def with_code(changes: Mapping[str, Change], custom: Mapping[str, Field], region: str) -> dict[str, Change]:
    """The changes with phone numbers as fields take them. `region`: the country of numbers without a code.

    Raises UnknownField and InvalidValue.
    """
    return {name: _coded(field(name, custom), change, region) for name, change in changes.items()}


def _coded(of: Field, change: Change, region: str) -> Change:
    if of.kind != "phone" or not isinstance(change, str) or not change.strip():
        return change
    try:
        return e164(change, region)
    except NotAPhone as error:
        raise InvalidValue(of, error) from None
