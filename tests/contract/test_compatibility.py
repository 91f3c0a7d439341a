"""Which changes of a published schema are found to break somebody, and that those let through break nobody."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.events.compatibility import NEW_READER, OLD_READER, compatible

Schema = dict[str, Any]

NAMES = st.sampled_from(["agent", "contact", "note", "reason", "seconds", "custom"])
NEW_NAMES = st.sampled_from(["added", "further", "newest"])
NULL: Schema = {"type": "null"}
LEAVES: list[Schema] = [
    {"type": "string"},
    {"type": "string", "format": "date-time"},
    {"type": "string", "x-personal": True},
    {"type": "string", "enum": ["a", "b", "c"]},
    {"type": "string", "maxLength": 5},
    {"type": "integer"},
    {"type": "integer", "minimum": 1, "maximum": 5},
    {"type": "number"},
    {"type": "boolean"},
]


def record(fields: dict[str, tuple[Schema, bool]]) -> Schema:
    properties = {name: schema for name, (schema, _) in fields.items()}
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name, (_, needed) in fields.items() if needed],
    }


def records(values: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return st.dictionaries(NAMES, st.tuples(values, st.booleans()), max_size=4).map(record)


leaves = st.sampled_from(LEAVES).map(copy.deepcopy)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        records(inner),
        inner.map(lambda each: {"type": "array", "items": each}),
        inner.map(lambda each: {"type": "object", "additionalProperties": each}),
        inner.filter(lambda each: "anyOf" not in each).map(lambda each: {"anyOf": [each, NULL]}),
    ),
    max_leaves=6,
)
schemas = records(values)


def nodes(schema: Schema) -> Iterator[Schema]:
    """The schema and all within it."""
    yield schema
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]
    for keyword in ("items", "additionalProperties"):
        if keyword in schema:
            inner.append(schema[keyword])
    for each in inner:
        yield from nodes(each)


def records_in(schema: Schema) -> list[Schema]:
    return [node for node in nodes(schema) if "properties" in node]


def instances(schema: Schema) -> st.SearchStrategy[Any]:
    """Values that a schema allows, with and without its optional fields."""
    if "anyOf" in schema:
        return st.one_of(*map(instances, schema["anyOf"]))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "properties" in schema:
        needed = {n: instances(s) for n, s in schema["properties"].items() if n in schema["required"]}
        optional = {n: instances(s) for n, s in schema["properties"].items() if n not in schema["required"]}
        return st.fixed_dictionaries(needed, optional=optional)
    if schema["type"] == "array":
        return st.lists(instances(schema["items"]), max_size=2)
    if schema["type"] == "object":
        return st.dictionaries(st.text(max_size=3), instances(schema["additionalProperties"]), max_size=2)
    return plain(schema)


def plain(schema: Schema) -> st.SearchStrategy[Any]:
    if "format" in schema:
        return st.just("2026-03-02T12:00:00Z")
    return {
        "string": st.text(max_size=schema.get("maxLength", 8)),
        "integer": st.integers(schema.get("minimum"), schema.get("maximum")),
        "number": st.integers() | st.floats(allow_nan=False, allow_infinity=False),
        "boolean": st.booleans(),
        "null": st.none(),
    }[schema["type"]]


def is_read(schema: Schema, value: Any) -> bool:
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid(value)


@given(schemas)
def test_the_same_schema_is_compatible(schema: Schema) -> None:
    assert compatible(schema, copy.deepcopy(schema)) == []


@given(schemas, st.data())
def test_optional_fields_may_be_added_anywhere(schema: Schema, data: st.DataObject) -> None:
    new = copy.deepcopy(schema)
    for within in data.draw(st.lists(st.sampled_from(records_in(new)), min_size=1, max_size=3, unique_by=id)):
        within["properties"] |= data.draw(st.dictionaries(NEW_NAMES, values, min_size=1, max_size=2))
    assert compatible(schema, new) == []
    assert any("the field is gone" in problem for problem in compatible(new, schema))


@given(schemas, st.text(), st.data())
def test_titles_and_descriptions_may_change(schema: Schema, text: str, data: st.DataObject) -> None:
    new = copy.deepcopy(schema)
    node = data.draw(st.sampled_from(list(nodes(new))))
    node |= {"title": text, "description": text}
    assert compatible(schema, new) == []


def drop_field(within: Schema, name: str) -> None:
    del within["properties"][name]
    within["required"] = [each for each in within["required"] if each != name]


def rename_field(within: Schema, name: str) -> None:
    within["properties"]["renamed"] = within["properties"].pop(name)
    within["required"] = ["renamed" if each == name else each for each in within["required"]]


def require_new_field(within: Schema, name: str) -> None:
    within["properties"]["demanded"] = {"type": "string"}
    within["required"] = [*within["required"], "demanded"]


def turn_need(within: Schema, name: str) -> None:
    needed = set(within["required"])
    within["required"] = sorted(needed - {name} if name in needed else needed | {name})


def change_type(within: Schema, name: str) -> None:
    before = within["properties"][name]
    within["properties"][name] = {"type": "integer" if before.get("type") != "integer" else "string"}


def turn_null(within: Schema, name: str) -> None:
    before = within["properties"][name]
    within["properties"][name] = before["anyOf"][0] if "anyOf" in before else {"anyOf": [before, NULL]}


def turn_personal(within: Schema, name: str) -> None:
    node = next(each for each in nodes(within["properties"][name]) if not {"anyOf", "properties"} & each.keys())
    node["x-personal"] = not node.get("x-personal", False)


BREAKING = [drop_field, rename_field, require_new_field, turn_need, change_type, turn_null, turn_personal]


@pytest.mark.parametrize("change", BREAKING)
@given(data=st.data())
def test_a_planted_breaking_change_is_found(change: Any, data: st.DataObject) -> None:
    old = data.draw(schemas.filter(lambda schema: any(r["properties"] for r in records_in(schema))))
    new = copy.deepcopy(old)
    within = data.draw(st.sampled_from([r for r in records_in(new) if r["properties"]]))
    name = data.draw(st.sampled_from(sorted(within["properties"])))
    assume(change is not turn_personal or "properties" not in within["properties"][name])
    change(within, name)
    assert compatible(old, new) != []


@given(schemas, schemas, st.data())
def test_whatever_is_let_through_is_read_by_old_and_new(one: Schema, other: Schema, data: st.DataObject) -> None:
    """Against an implementation of JSON Schema that isn't ours."""
    new = data.draw(st.sampled_from([other, {**one, "properties": {**other["properties"], **one["properties"]}}]))
    if compatible(one, new) == []:
        assert is_read(new, data.draw(instances(one)))
        assert is_read(one, strip_unknown(one, data.draw(instances(new))))


def strip_unknown(schema: Schema, value: Any) -> Any:
    """Only the fields that the reader knows: of the others it doesn't look at the values."""
    return {name: each for name, each in value.items() if name in schema["properties"]}


def of(**fields: Schema) -> Schema:
    return record({name: (schema, True) for name, schema in fields.items()})


TEXT: Schema = {"type": "string"}
CHOICE: Schema = {"type": "string", "enum": ["phone", "chat"]}
MORE: Schema = {"type": "string", "enum": ["phone", "chat", "fax"]}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (of(a={"type": "integer"}), of(a=TEXT), OLD_READER),
        (of(a={"type": "integer"}), of(a={"type": "number"}), OLD_READER),
        (of(a={"type": "number"}), of(a={"type": "integer"}), NEW_READER),
        (of(a=TEXT), of(a={"type": "string", "format": "date-time"}), NEW_READER),
        (of(a=TEXT), of(a={"type": "string", "maxLength": 9}), NEW_READER),
        (of(a={"type": "integer", "minimum": 1}), of(a={"type": "integer", "minimum": 0}), OLD_READER),
        (of(a=CHOICE), of(a=MORE), OLD_READER),
        (of(a=MORE), of(a=CHOICE), NEW_READER),
        (of(a=CHOICE), of(a=TEXT), OLD_READER),
        (of(a={"const": "x", "type": "string"}), of(a={"const": "y", "type": "string"}), OLD_READER),
        (of(a=TEXT), of(), "the field is gone"),
        (of(a=TEXT), of(a={**TEXT, "x-personal": True}), "x-personal was added"),
        (of(a={**TEXT, "x-personal": True}), of(a=TEXT), "x-personal was taken off"),
        (of(a={**TEXT, "default": "x"}), of(a={**TEXT, "default": "y"}), "the default changed"),
        (of(a={"type": "array", "items": TEXT}), of(a={"type": "object", "additionalProperties": TEXT}), OLD_READER),
        (of(a={"type": "array", "prefixItems": [TEXT]}), of(a={"type": "array", "prefixItems": [NULL]}), OLD_READER),
        ({**of(), "additionalProperties": False}, record({"a": (TEXT, False)}), "no other fields are allowed"),
        ({"x-stream": "customer", **of()}, {"x-stream": "outage", **of()}, "the kind of stream changed"),
    ],
)
def test_the_reason_says_who_would_be_hurt(old: Schema, new: Schema, says: str) -> None:
    assert any(says in problem for problem in compatible(old, new))


def test_an_enum_that_is_marked_open_may_grow() -> None:
    assert compatible(of(a={**CHOICE, "x-open": True}), of(a={**MORE, "x-open": True})) == []


def test_what_stands_in_definitions_is_compared_too() -> None:
    def referring(inner: Schema) -> Schema:
        return {"$ref": "#/$defs/Outer", "$defs": {"Outer": of(a={"$ref": "#/$defs/Inner"}), "Inner": inner}}

    assert compatible(referring(of(b=TEXT)), referring(record({"b": (TEXT, True), "c": (TEXT, False)}))) == []
    assert compatible(referring(of(b=TEXT)), referring(of(c=TEXT))) != []
