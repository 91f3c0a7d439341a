"""The fields of a customer: what can be claimed, in which form, and which policy picks when claims conflict.

The built-in fields are those of any company. A department's own fields are named `custom.<name>` and are
data: `Field` instances made at run time.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from typing import Literal

import msgspec

from shared.texts import N_, Saying, Text

Kind = Literal["text", "long_text", "number", "date", "boolean", "phone", "email", "choice", "set"]
PolicyName = Literal["latest", "add_remove_set", "append_only", "most_restrictive", "owner_only", "ask_a_person"]
CUSTOM = "custom."


class UnknownField(LookupError):
    """No field of a customer has this name."""


class InvalidField(Saying, ValueError):
    """The parts of a field's description don't go together."""


class InvalidValue(Saying, ValueError):
    """The text is no value of this field; `why` says what is expected, without repeating the text."""

    def __init__(self, field: "Field", why: str | Saying, /, **values: object) -> None:
        self.field = field
        self.why = why.text if isinstance(why, Saying) else Text(why, values)
        super().__init__(N_("%(field)s: %(why)s"), field=field.name, why=self.why)


class Field(msgspec.Struct, frozen=True):
    """One field: its kind gives the form of a value, its policy says which of two conflicting claims stands.

    `owner` is the service whose claims count (owner_only), `choices` are the values of a choice. Raises
    InvalidField when policy, kind, owner and choices don't go together. What follows on them is for people, and for
    new values: nothing of it changes how claims fold.
    """

    name: str
    label: str
    kind: Kind
    policy: PolicyName
    owner: str | None = None
    choices: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}
    """Language -> text, of a department's field."""
    place: int = 0
    retired: bool = False
    """It takes no new value; those that it has are shown."""
    department: str = ""
    """The service that defined it; empty: not known."""

    def __post_init__(self) -> None:
        for fits, why in (
            (
                (self.kind == "set") == (self.policy == "add_remove_set"),
                N_("the kind set goes with add_remove_set"),
            ),
            ((self.owner is not None) == (self.policy == "owner_only"), N_("an owner goes with owner_only")),
            (self.kind == "boolean" or self.policy != "most_restrictive", N_("most_restrictive needs a boolean")),
            (bool(self.choices) == (self.kind == "choice"), N_("choices go with the kind choice")),
        ):
            if not fits:
                raise InvalidField(N_("%(field)s: %(why)s"), field=self.name, why=Text(why))

    def __hash__(self) -> int:
        return hash(self.name)

    def label_in(self, language: str) -> str:
        """What a department calls it in a language, else its label."""
        return self.labels.get(language) or self.label

    @property
    def many(self) -> bool:
        """Whether the folded value is a tuple of values."""
        return self.policy in ("add_remove_set", "append_only")


BUILT_IN: Mapping[str, Field] = {
    field.name: field
    for field in (
        Field("given_name", "Given name", "text", "latest"),
        Field("family_name", "Family name", "text", "latest"),
        Field("company", "Company", "text", "latest"),
        Field("phone", "Phone", "phone", "latest"),
        Field("email", "E-mail", "email", "latest"),
        Field("street", "Street", "text", "latest"),
        Field("postal_code", "Postal code", "text", "latest"),
        Field("city", "City", "text", "latest"),
        Field("country", "Country", "text", "latest"),
        Field("language", "Language", "text", "latest"),
        # A date of birth identifies: of two different ones the later isn't the better.
        Field("birth_date", "Date of birth", "date", "ask_a_person"),
        Field("status", "Status", "choice", "latest", choices=("prospect", "customer", "lapsed")),
        Field("products", "Products", "set", "add_remove_set"),
        Field("notes", "Notes", "long_text", "append_only"),
        Field("contact_allowed.phone", "May be phoned", "boolean", "most_restrictive"),
        Field("contact_allowed.email", "May be e-mailed", "boolean", "most_restrictive"),
        Field("contact_allowed.mail", "May be written to", "boolean", "most_restrictive"),
        Field("customer_since", "Customer since", "date", "latest"),
    )
}

CONSENT = frozenset(name for name, field in BUILT_IN.items() if field.policy == "most_restrictive")
"""What a person allows or forbids: said for all members that are this person."""


def field(name: str, custom: Mapping[str, Field]) -> Field:
    """The field of that name; `custom` are the described fields of departments, by name.

    A custom field that isn't described (yet) is a text of which the latest claim stands. Raises UnknownField.
    """
    known = BUILT_IN.get(name) or custom.get(name)
    if known is not None:
        return known
    if name.startswith(CUSTOM) and name != CUSTOM:
        return Field(name, name.removeprefix(CUSTOM), "text", "latest")
    raise UnknownField(name)


def parse(field: Field, text: str) -> str:
    """The canonical form of a value: equal values are equal strings, and parsing twice changes nothing.

    Empty text is the empty value, of every kind but set, where it would say nothing. Phones are given in
    E.164. Raises InvalidValue.
    """
    if field.kind != "set" and not text.strip():
        return ""
    return _PARSERS[field.kind](field, text)


def refuse_retired(field: Field, value: str) -> None:
    """Raises InvalidValue for a new value of a retired field: it can only be emptied."""
    emptied = not value or (field.kind == "set" and value.startswith("-"))
    if field.retired and not emptied:
        raise InvalidValue(field, N_("this field was retired and takes nothing new"))


def _text(field: Field, text: str) -> str:
    return _printable(field, " ".join(unicodedata.normalize("NFC", text).split()))


def _long_text(field: Field, text: str) -> str:
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    return _printable(field, lines.strip())


def _printable(field: Field, text: str) -> str:
    # Neither PostgreSQL (NUL) nor UTF-8 (lone surrogates) can keep these, and a fact is kept for ever.
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in text):
        raise InvalidValue(field, N_("control characters aren't allowed"))
    return text


def _number(field: Field, text: str) -> str:
    # No exponent and a bounded length: `1e999999999` is short to send and long to print.
    match = re.fullmatch(r"([+-]?)([0-9]{1,30})(?:\.([0-9]{1,30}))?", text.strip())
    if match is None:
        raise InvalidValue(field, N_("a number such as 12 or -3.5 is expected"))
    sign, whole, part = match[1], match[2].lstrip("0") or "0", (match[3] or "").rstrip("0")
    number = f"{whole}.{part}" if part else whole
    return "-" + number if sign == "-" and number != "0" else number


def _date(field: Field, text: str) -> str:
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        raise InvalidValue(field, N_("a date such as 2024-03-31 is expected")) from None


def _boolean(field: Field, text: str) -> str:
    value = text.strip().lower()
    if value not in ("true", "false"):
        raise InvalidValue(field, N_("true or false is expected"))
    return value


def _phone(field: Field, text: str) -> str:
    number = text.strip()
    if re.fullmatch(r"\+[1-9][0-9]{1,14}", number) is None:
        raise InvalidValue(field, N_("an international number such as +390612345678 is expected (E.164)"))
    return number


def _email(field: Field, text: str) -> str:
    address = _text(field, text)
    if re.fullmatch(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+", address) is None:
        raise InvalidValue(field, N_("an address such as name@example.org is expected"))
    local, domain = address.split("@")
    # Only the domain is known to ignore case (RFC 5321, 2.4).
    return f"{local}@{domain.lower()}"


def _choice(field: Field, text: str) -> str:
    value = text.strip()
    if value not in field.choices:
        raise InvalidValue(field, N_("one of %(choices)s is expected"), choices=", ".join(field.choices))
    return value


def _signed_element(field: Field, text: str) -> str:
    sign, element = text[:1], _text(field, text[1:])
    if sign not in ("+", "-") or not element:
        raise InvalidValue(field, N_("+element or -element is expected"))
    return sign + element


_PARSERS: Mapping[Kind, Callable[[Field, str], str]] = {
    "text": _text,
    "long_text": _long_text,
    "number": _number,
    "date": _date,
    "boolean": _boolean,
    "phone": _phone,
    "email": _email,
    "choice": _choice,
    "set": _signed_element,
}
