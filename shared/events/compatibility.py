"""Whether a changed schema may be published under the same name: everybody reads everybody, old and new. Pure.

Knows the part of JSON Schema (2020-12) that msgspec writes for Structs, and two marks of this platform:
``x-personal`` (sealed in an event) and ``x-open`` (an ``enum`` that may grow, as its readers take any text).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

OLD_READER = "who still has the old schema can't read what the new one publishes"
NEW_READER = "who has the new schema can't read what the old one published"

_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_EXACT = ("format", "pattern", "multipleOf", "contentEncoding", "uniqueItems")


def compatible(old: Schema, new: Schema) -> list[str]:
    """What speaks against publishing ``new`` where ``old`` was published; nothing when it may be.

    Fields may be added, if they are optional. Nothing else may change but titles and descriptions, and the values
    of an open enum.
    """
    found = [
        *_moved(old, new),
        *_Comparison(reader=new, writer=old, newer=True).problems(),
        *_Comparison(reader=old, writer=new, newer=False).problems(),
    ]
    return list(dict.fromkeys(found))


def _moved(old: Schema, new: Schema) -> Iterator[str]:
    if old.get("x-stream") != new.get("x-stream"):
        yield "the data: the kind of stream changed, and with it the order in which the events are read"


class _Comparison:
    """What a reader with one schema can't read of what is published by another."""

    def __init__(self, reader: Schema, writer: Schema, *, newer: bool) -> None:
        self._reader, self._writer, self._newer = reader, writer, newer
        self._why = NEW_READER if newer else OLD_READER

    def problems(self) -> Iterator[str]:
        yield from self._value(self._reader, self._writer, "")

    def _value(self, reader: Schema, writer: Schema, path: str) -> Iterator[str]:
        reader, writer = _resolved(reader, self._reader), _resolved(writer, self._writer)
        if "default" in reader and "default" in writer and reader["default"] != writer["default"]:
            yield f"{_name(path)}: the default changed, so what was published without it would mean something else"
        readable = list(_alternatives(reader, self._reader))
        for written in _alternatives(writer, self._writer):
            fitting = [r for r in readable if _accepts(_kind(r), _kind(written))]
            if not fitting:
                wanted = " or ".join(sorted({_kind(r) for r in readable}))
                yield f"{_name(path)}: {_kind(written)} where {wanted} is expected; {self._why}"
            else:
                yield from min((list(self._one(r, written, path)) for r in fitting), key=len)

    def _one(self, reader: Schema, writer: Schema, path: str) -> Iterator[str]:
        if bool(reader.get("x-personal")) != bool(writer.get("x-personal")):
            yield f"{_name(path)}: the mark x-personal was {_changed(reader, writer, self._newer)}"
        yield from self._limits(reader, writer, path)
        yield from self._choices(reader, writer, path)
        if _kind(reader) == "record":
            yield from self._fields(reader, writer, path)
        for keyword, step in (("items", "[]"), ("additionalProperties", "{}")):
            if isinstance(reader.get(keyword), Mapping):
                inner = writer.get(keyword)
                yield from self._value(reader[keyword], inner if isinstance(inner, Mapping) else {}, path + step)
        for place, (r, w) in enumerate(zip(reader.get("prefixItems", ()), writer.get("prefixItems", ()), strict=False)):
            yield from self._value(r, w, f"{path}[{place}]")

    def _fields(self, reader: Schema, writer: Schema, path: str) -> Iterator[str]:
        known, written = reader.get("properties", {}), writer.get("properties", {})
        needed = set(reader.get("required", ()))
        for name in sorted(known):
            at = f"{path}.{name}"
            if name in written:
                yield from self._value(known[name], written[name], at)
                if name in needed and name not in writer.get("required", ()):
                    yield f"{_name(at)}: required by the one and optional to the other; {self._why}"
            elif not self._newer:
                yield f"{_name(at)}: the field is gone, or has another name; {self._why}"
            elif name in needed:
                yield f"{_name(at)}: a new field is required; {self._why}"
        if reader.get("additionalProperties") is False and (unknown := sorted(written.keys() - known.keys())):
            yield f"{_name(path)}: {unknown} where no other fields are allowed; {self._why}"

    def _limits(self, reader: Schema, writer: Schema, path: str) -> Iterator[str]:
        for keyword in (*_UPPER, *_LOWER, *_EXACT):
            limit, given = reader.get(keyword), writer.get(keyword)
            if limit is None or limit == given:
                continue
            looser = keyword not in _EXACT and given is not None
            if not looser or (limit < given if keyword in _UPPER else limit > given):
                yield f"{_name(path)}: {keyword} {limit} is stricter than {given or 'none'}; {self._why}"

    def _choices(self, reader: Schema, writer: Schema, path: str) -> Iterator[str]:
        known, written = _enum(reader), _enum(writer)
        if known is None or reader.get("x-open"):
            return
        if written is None or writer.get("x-open"):
            yield f"{_name(path)}: any value where only {known} are expected; {self._why}"
        elif unknown := [value for value in written if value not in known]:
            yield f"{_name(path)}: {unknown} aren't among {known}; {self._why}"


def _resolved(schema: Schema, root: Schema) -> Schema:
    while (reference := schema.get("$ref")) is not None:
        schema = {**root["$defs"][reference.removeprefix("#/$defs/")], **{k: schema[k] for k in schema if k != "$ref"}}
    return schema


def _alternatives(schema: Schema, root: Schema) -> Iterator[Schema]:
    schema = _resolved(schema, root)
    if "anyOf" in schema:
        for each in schema["anyOf"]:
            yield from _alternatives(each, root)
    elif isinstance(schema.get("type"), list):
        yield from ({**schema, "type": each} for each in schema["type"])
    else:
        yield schema


def _kind(schema: Schema) -> str:
    """The type, with the two uses of objects told apart."""
    kind: str = schema.get("type", "anything")
    if kind != "object":
        return kind
    return "mapping" if isinstance(schema.get("additionalProperties"), Mapping) else "record"


def _accepts(reader: str, writer: str) -> bool:
    return reader in ("anything", writer) or (reader, writer) == ("number", "integer")


def _enum(schema: Schema) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _changed(reader: Schema, writer: Schema, newer: bool) -> str:
    new = reader if newer else writer
    return (
        "added: what was published in the clear can't be unsealed"
        if new.get("x-personal")
        else "taken off: text about a person would be published in the clear"
    )


def _name(path: str) -> str:
    return path.removeprefix(".") or "the data"
