"""The fields, and the canonical form of their values."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.customer.fields import BUILT_IN, Field, InvalidField, InvalidValue, UnknownField, field, parse

NUMBER = Field("custom.n", "n", "number", "latest")
KINDS = (*BUILT_IN.values(), NUMBER)


def test_a_described_field_is_found_by_name() -> None:
    assert field("city", {}) is BUILT_IN["city"]
    assert field("custom.n", {"custom.n": NUMBER}) is NUMBER


def test_a_custom_field_that_is_not_described_is_a_text() -> None:
    assert field("custom.colour", {}) == Field("custom.colour", "colour", "text", "latest")


def test_a_department_does_not_replace_a_built_in_field() -> None:
    assert field("city", {"city": Field("city", "x", "number", "latest")}) is BUILT_IN["city"]


@pytest.mark.parametrize("name", ["shoe_size", "custom.", "", "Custom.x"])
def test_any_other_name_is_unknown(name: str) -> None:
    with pytest.raises(UnknownField):
        field(name, {})


@pytest.mark.parametrize(
    "parts",
    [
        {"kind": "set", "policy": "latest"},
        {"kind": "text", "policy": "add_remove_set"},
        {"kind": "text", "policy": "owner_only"},
        {"kind": "text", "policy": "latest", "owner": "sync"},
        {"kind": "text", "policy": "most_restrictive"},
        {"kind": "choice", "policy": "latest"},
        {"kind": "text", "policy": "latest", "choices": ("a",)},
    ],
)
def test_parts_that_do_not_go_together_are_refused(parts: dict[str, Any]) -> None:
    with pytest.raises(InvalidField):
        Field(name="custom.x", label="x", **parts)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("given_name", "  Ada \t Maria ", "Ada Maria"),
        ("given_name", "Jose\u0301", "Jos\u00e9"),
        ("notes", " one\r\ntwo\n", "one\ntwo"),
        ("custom.n", "+007.50", "7.5"),
        ("custom.n", "-0.0", "0"),
        ("custom.n", "123456789012345678901234567890.1", "123456789012345678901234567890.1"),
        ("birth_date", "19900102", "1990-01-02"),
        ("contact_allowed.mail", " True", "true"),
        ("phone", " +390612345678", "+390612345678"),
        ("email", "Ada@Example.ORG", "Ada@example.org"),
        ("status", "lapsed", "lapsed"),
        ("products", "+ caller  id", "+caller id"),
        ("email", "  ", ""),
    ],
)
def test_values_have_one_canonical_form(name: str, text: str, value: str) -> None:
    assert parse(field(name, {"custom.n": NUMBER}), text) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("given_name", "Ada\x00"),
        ("notes", "\ud800"),
        ("custom.n", "1e9"),
        ("custom.n", "3,5"),
        ("custom.n", "nan"),
        ("custom.n", "\u0661"),
        ("custom.n", "9" * 31),
        ("birth_date", "31.3.2024"),
        ("contact_allowed.mail", "yes"),
        ("phone", "0612345678"),
        ("phone", "+39 06"),
        ("phone", "+1234567890123456"),
        ("email", "ada@localhost"),
        ("email", "ada@b@c.org"),
        ("status", "friend"),
        ("products", "line"),
        ("products", "+"),
        ("products", ""),
    ],
)
def test_what_is_no_value_is_refused_without_being_repeated(name: str, text: str) -> None:
    with pytest.raises(InvalidValue) as error:
        parse(field(name, {"custom.n": NUMBER}), text)
    assert error.value.field.name == name
    assert str(error.value.why) in str(error.value)
    assert str(error.value) == f"{name}: {error.value.why}"


@given(
    st.sampled_from(KINDS),
    st.text()
    | st.emails()
    | st.dates().map(str)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str)
    | st.text().map(lambda text: "+" + text),
)
def test_parsing_twice_changes_nothing(field: Field, text: str) -> None:
    try:
        value = parse(field, text)
    except InvalidValue:
        assume(False)
    assert parse(field, value) == value
    value.encode()
