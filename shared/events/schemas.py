"""The golden schemas: what every event type looked like when it was published, one file a version.

python -m shared.events.schemas [--check]

Writes ``schemas/<type>.<version>.json`` from the facts in the code, and ``schemas/envelope.json``; with ``--check``
only says what differs. A change that somebody couldn't read is refused: events are kept for ever, and the services
aren't upgraded at the same moment.
"""

from __future__ import annotations

import inspect
import json
import sys
import types
import typing
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from shared.events.catalogue import FACT_TYPES
from shared.events.compatibility import compatible
from shared.events.envelope import Envelope
from shared.events.facts import FactType
from shared.events.upcasters import UPCASTERS

FOLDER = Path(__file__).parent / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

_CHECKED: Mapping[str, Mapping[str, Any]] = {
    "specversion": {"const": "1.0"},
    "id": {"format": "uuid"},
    "sequence": {"pattern": "^[0-9]{10}$"},
    "data": {"type": "object"},
}
"""What ``envelope.parse`` checks beyond the types of the Struct."""


class Refused(SystemExit):
    """A schema was changed in a way that somebody couldn't read; nothing was written."""


def data_schema(fact_type: FactType) -> dict[str, Any]:
    """The JSON Schema of an event type's data."""
    return {
        "$schema": DIALECT,
        "$id": fact_type.dataschema,
        "x-stream": fact_type.stream or "any",
        **({"x-about": fact_type.about} if fact_type.about else {}),
        **schema_of(fact_type.record),
    }


def schema_of(record: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON Schema of a record, its instants marked as such."""
    schema: dict[str, Any] = json.loads(msgspec.json.encode(msgspec.json.schema(record)))
    for struct in structs(record):
        of = schema["$defs"][struct.__name__]
        if "description" in of:
            of["description"] = inspect.getdoc(struct)
        for name, hint in typing.get_type_hints(struct).items():
            _mark_instants(of["properties"][name], hint)
    return schema


def structs(hint: Any) -> set[type[msgspec.Struct]]:
    """The records that a type consists of, itself included."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return {hint}.union(*map(structs, typing.get_type_hints(hint).values()))
    return set().union(*map(structs, typing.get_args(hint)))


def _mark_instants(schema: dict[str, Any], hint: Any) -> None:
    # msgspec writes a plain string for a datetime, from which a change to text couldn't be told.
    if hint is datetime:
        schema["format"] = "date-time"
        return
    inner = [argument for argument in typing.get_args(hint) if argument is not Ellipsis]
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        for part, argument in zip(schema["anyOf"], inner, strict=True):
            _mark_instants(part, argument)
    elif "items" in schema:
        _mark_instants(schema["items"], inner[0])
    elif inner and "additionalProperties" in schema:
        _mark_instants(schema["additionalProperties"], inner[1])


def envelope_schema() -> dict[str, Any]:
    """The JSON Schema of what stands around the data."""
    fields = msgspec.structs.fields(Envelope)
    properties: dict[str, Any] = {}
    for field in fields:
        properties[field.encode_name] = {} if field.type is msgspec.Raw else msgspec.json.schema(field.type)
        _mark_instants(properties[field.encode_name], field.type)
        properties[field.encode_name] |= _CHECKED.get(field.encode_name, {})
    return {
        "$schema": DIALECT,
        "$id": "urn:crm:envelope",
        "title": "Envelope",
        "description": inspect.getdoc(Envelope),
        "type": "object",
        "properties": properties,
        "required": [f.encode_name for f in fields if f.required or f.encode_name == "data"],
    }


def schemas() -> dict[str, dict[str, Any]]:
    """Every schema as the code has it today, by file name."""
    of_types = {f"{t.name}.{t.version}.json": data_schema(t) for t in FACT_TYPES.values()}
    return {"envelope.json": envelope_schema(), **dict(sorted(of_types.items()))}


def render(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def published(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """Every schema that was ever published, by file name."""
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def problems(before: Mapping[str, Mapping[str, Any]], today: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Why today's schemas can't follow the published ones; nothing when they can."""
    found = []
    for name, old in before.items():
        if name in today:
            found += [f"{name}: {problem}" for problem in compatible(old, today[name])]
        else:
            found += _left_behind(name)
    return found


def _left_behind(file_name: str) -> list[str]:
    """What is missing to read events whose type or version the code publishes no more."""
    name, version = file_name.removesuffix(".json").rsplit(".", 1)
    fact_type = FACT_TYPES.get(name)
    if fact_type is None or not version.isdigit() or int(version) > fact_type.version:
        return [f"{file_name}: was published, so the type must stay in the code to read it"]
    if (name, int(version)) not in UPCASTERS:
        return [f"{file_name}: there is no upcaster from version {version} to {int(version) + 1}"]
    return []


def write(folder: Path = FOLDER, today: Mapping[str, Mapping[str, Any]] | None = None) -> list[str]:
    """Write what is new or was added to; gives the files' names. Raises ``Refused``, and then writes nothing."""
    today = schemas() if today is None else today
    if found := problems(published(folder), today):
        advice = "Make it a new event type, or a new version with an upcaster (shared/events/upcasters.py)."
        raise Refused("\n".join([*found, advice]))
    changed = differing(folder, today)
    for name in changed:
        (folder / name).write_text(render(today[name]), encoding="utf-8")
    return changed


def differing(folder: Path = FOLDER, today: Mapping[str, Mapping[str, Any]] | None = None) -> list[str]:
    """The files that aren't as the code has it."""
    today = schemas() if today is None else today
    return [
        name
        for name, schema in today.items()
        if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != render(schema)
    ]


def main(arguments: list[str]) -> int:
    """Write or check; gives the process's exit status."""
    check = arguments == ["--check"]
    names = differing() if check else write()
    for name in names:
        sys.stdout.write(f"{'differs' if check else 'written'}: shared/events/schemas/{name}\n")
    return 1 if check and names else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
