"""docs/events.md: every event type, by publisher."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from deploy.docs import meanings, services
from deploy.docs.examples import EXAMPLES
from deploy.docs.meanings import markdown, table
from shared.events import schemas
from shared.events.catalogue import FACT_TYPES, PUBLISHERS
from shared.events.facts import FactType, to_data
from shared.pipeline.subscriptions import EVERYTHING

HEAD = """\
# Events

Made from the code by `make docs`. What was published stays: a type's golden schema is in
[shared/events/schemas](../shared/events/schemas), and [asyncapi.json](asyncapi.json) has all of it for machines.

Fields are only added, and are optional then. A reader ignores types and fields that it doesn't know. A field marked
*personal* is sealed with the member's key in the event, and clear in a handler's hands; erased, it is empty.
"""

ENVELOPE = """\
## The envelope

A CloudEvents 1.0 JSON object in structured mode, in the topic `<source>.events` with the subject as the message's
key.
"""

ATTRIBUTES: Mapping[str, str] = {
    "specversion": "`1.0`",
    "id": "A UUIDv7, unique",
    "source": "The publishing service",
    "type": "The event type",
    "subject": "The stream, within which order is kept",
    "time": "When it occurred",
    "recordedtime": "When the publisher recorded it",
    "dataschema": "`urn:crm:<type>:<version>`",
    "authid": "The actor: a person, a machine, or `service:<name>`",
    "traceparent": "W3C trace context, where there is one",
    "cause": "The id of the event that this one follows from",
    "history": "It follows from history: nobody is to be contacted because of it",
    "data": "The fact",
    "sequence": "1, 2, 3 … within source and subject, as ten digits",
}
"""What each attribute means; a test compares the names with the schema's."""


_WORDS = {
    "boolean": "true or false",
    "date-time": "instant",
    "integer": "whole number",
    "null": "none",
    "number": "number",
    "object": "object",
    "string": "text",
    "uuid": "UUID",
}


def publishers(fact_type: FactType) -> list[str]:
    """The services that may publish a type."""
    module = fact_type.record.__module__
    return [source for source, modules in PUBLISHERS.items() if module in {m.__name__ for m in modules}]


def hearers(fact_type: FactType) -> list[str]:
    """The services here of which a slice hears the type, each with the slices."""
    found = []
    for service in services.names():
        heard = services.subscriptions(service)
        if not set(heard.sources) & set(publishers(fact_type)):
            continue
        slices = [s.name for s in heard.slices if fact_type.name in s.handlers or EVERYTHING in s.handlers]
        if slices:
            found.append(f"{service} ({', '.join(slices)})")
    return found


def page() -> str:
    parts = [HEAD, ENVELOPE, _envelope()]
    by_publishers: dict[tuple[str, ...], list[FactType]] = {}
    for fact_type in FACT_TYPES.values():
        by_publishers.setdefault(tuple(publishers(fact_type)), []).append(fact_type)
    for names, types in sorted(by_publishers.items()):
        parts.append(f"\n## Published by {' and '.join(names)}")
        parts += [_section(each) for each in sorted(types, key=lambda t: t.name)]
    return "\n".join(parts) + "\n"


def _envelope() -> str:
    schema = schemas.envelope_schema()
    rows = [
        (f"`{name}`", type_text(value, schema), "always" if name in schema["required"] else "", ATTRIBUTES[name])
        for name, value in schema["properties"].items()
    ]
    return table(("attribute", "type", "", "meaning"), rows)


def _section(fact_type: FactType) -> str:
    schema = schemas.data_schema(fact_type)
    facts = [
        f"Version {fact_type.version}",
        f"stream `{fact_type.stream}/<id>`" if fact_type.stream else "any stream",
        *([f"about the {fact_type.about} in its field `{fact_type.about}`"] if fact_type.about else []),
        f"heard by {', '.join(hearers(fact_type)) or 'nobody here'}",
    ]
    lines = [f"\n### {fact_type.name}", "", markdown(fact_type.record.__doc__ or ""), "", "; ".join(facts) + "."]
    for record in _records(fact_type.record):
        rows = list(_rows(record, schema))
        if record is not fact_type.record:
            lines += ["", f"Each `{record.__name__}`: {markdown(record.__doc__ or '')}"]
        lines += ["", table(("field", "type", "", "meaning"), rows) if rows else "It has no fields."]
    example = json.dumps(to_data(EXAMPLES[fact_type.name]), indent=2, ensure_ascii=False)
    return "\n".join([*lines, "", "```json", example, "```"])


def _records(record: type) -> list[type]:
    """The fact first, then the records within it."""
    return [record, *sorted(schemas.structs(record) - {record}, key=lambda each: each.__name__)]


def _rows(record: type, schema: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    said = meanings.of_fields(record)
    of = schema["$defs"][record.__name__]
    for name, value in of["properties"].items():
        marks = ["required"] if name in of["required"] else []
        marks += ["personal"] if "x-personal" in json.dumps(value) else []
        yield f"`{name}`", type_text(value, schema), ", ".join(marks), markdown(said.get(name, ""))


def type_text(value: dict[str, Any], root: dict[str, Any]) -> str:
    """A JSON Schema in few words."""
    if "$ref" in value:
        return f"`{value['$ref'].rpartition('/')[2]}`"
    if "anyOf" in value:
        return " or ".join(type_text(each, root) for each in value["anyOf"])
    if "items" in value:
        return f"list of {type_text(value['items'], root)}"
    if isinstance(value.get("additionalProperties"), dict):
        return f"{type_text(value['additionalProperties'], root)} by name"
    return _WORDS[value.get("format", value["type"])]
