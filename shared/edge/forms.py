"""What is wrong with the form of a request, in words for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.texts import N_, Saying, Text

_AS_IT_IS = N_("%(what)s")
_KINDS: Mapping[str, str] = {
    "missing": N_("this is needed"),
    "extra_forbidden": N_("there is nothing of this name"),
    "string_type": N_("a text is expected"),
    "string_too_short": N_("at least %(min_length)s characters are expected"),
    "string_too_long": N_("at most %(max_length)s characters are taken"),
    "string_pattern_mismatch": N_("the text isn't of the form that is expected"),
    "string_unicode": N_("the text holds characters that can't be read"),
    "too_short": N_("at least %(min_length)s of these are expected"),
    "too_long": N_("at most %(max_length)s of these are taken"),
    "int_type": N_("a whole number is expected"),
    "int_parsing": N_("a whole number is expected"),
    "int_from_float": N_("a whole number is expected"),
    "int_parsing_size": N_("the number is too large"),
    "float_type": N_("a number is expected"),
    "float_parsing": N_("a number is expected"),
    "finite_number": N_("a number is expected"),
    "greater_than": N_("a number above %(gt)s is expected"),
    "greater_than_equal": N_("a number from %(ge)s on is expected"),
    "less_than": N_("a number below %(lt)s is expected"),
    "less_than_equal": N_("a number up to %(le)s is expected"),
    "bool_type": N_("true or false is expected"),
    "bool_parsing": N_("true or false is expected"),
    "literal_error": N_("one of %(expected)s is expected"),
    "enum": N_("one of %(expected)s is expected"),
    "list_type": N_("a list is expected"),
    "tuple_type": N_("a list is expected"),
    "dict_type": N_("an object is expected"),
    "model_type": N_("an object is expected"),
    "model_attributes_type": N_("an object is expected"),
    "json_invalid": N_("this isn't JSON"),
    "json_type": N_("this isn't JSON"),
    "uuid_type": N_("an id is expected"),
    "uuid_parsing": N_("an id is expected"),
    "date_type": N_("a date such as 2024-03-31 is expected"),
    "date_parsing": N_("a date such as 2024-03-31 is expected"),
    "date_from_datetime_parsing": N_("a date such as 2024-03-31 is expected"),
    "datetime_type": N_("an instant such as 2024-03-31T09:30:00Z is expected"),
    "datetime_parsing": N_("an instant such as 2024-03-31T09:30:00Z is expected"),
    "datetime_from_date_parsing": N_("an instant such as 2024-03-31T09:30:00Z is expected"),
    "timezone_aware": N_("the instant needs a time zone"),
}
"""The library's kind of error -> what people are told, with the values of its context."""


def said_of(error: Mapping[str, Any]) -> Text:
    """One of the library's errors as a text. A kind that isn't known keeps the library's words."""
    context = error.get("ctx", {})
    if isinstance(raised := context.get("error"), Saying):
        return raised.text
    if known := _KINDS.get(error["type"]):
        return Text(known, context)
    return Text(_AS_IT_IS, {"what": error["msg"]})


def found(errors: Sequence[Mapping[str, Any]], translate: Callable[[str], str]) -> list[dict[str, str]]:
    """Where something is wrong, and what. What was sent is left out: it may be about a person, and answers end up in
    logs."""
    return [{"where": ".".join(map(str, one["loc"])), "what": said_of(one).told(translate)} for one in errors]
