"""What a contact's address says of the customer, and new fields. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from shared.customer.fields import BUILT_IN, CUSTOM, Field, InvalidValue, Kind, PolicyName, parse
from shared.customer.phones import NotAPhone, e164

Term = tuple[str, str]
"""(kind, text), the kind being ``phone`` or ``email``."""


def address_term(text: str, region: str) -> Term | None:
    """What a contact's number or address says of the customer; none when it says nothing (withheld)."""
    if "@" in text:
        return "email", text.strip().casefold()
    try:
        return "phone", e164(text, region)
    except NotAPhone:
        return None


def is_email(text: str) -> bool:
    """Whether a customer's e-mail field takes the text."""
    try:
        return bool(parse(BUILT_IN["email"], text))
    except InvalidValue:
        return False


def custom_field(
    name: str, label: str, kind: Kind, policy: PolicyName = "latest", choices: Sequence[str] = ()
) -> Field:
    """The description of a department's field. Raises ``InvalidField`` when its parts don't go together."""
    if kind == "set" and policy == "latest":
        policy = "add_remove_set"
    texts = tuple(choice.strip() for choice in choices if choice.strip())
    return Field(name, label or name.removeprefix(CUSTOM), kind, policy, choices=texts)
