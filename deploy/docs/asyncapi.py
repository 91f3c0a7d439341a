"""docs/asyncapi.json: the topics and what is said on them, for machines (AsyncAPI 3.0)."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable
from operator import attrgetter
from typing import Any

import msgspec

from deploy.docs import events, meanings, services
from shared.edge.settings import Settings
from shared.events import envelope, schemas
from shared.events.catalogue import FACT_TYPES, PUBLISHERS
from shared.events.facts import FactType
from shared.pipeline.keys import KeyRecord
from shared.pipeline.subscriptions import EVERYTHING
from shared.pipeline.topics import EVENTS, KEYS, KEYS_PARTITIONS

Json = dict[str, Any]

KEY_MESSAGE = "member.key"
PARTITIONS = Settings.model_fields["partitions"].default


def page() -> str:
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def document() -> Json:
    channels: Json = {}
    operations: Json = {}
    for source in PUBLISHERS:
        own = [t for t in sorted(FACT_TYPES.values(), key=attrgetter("name")) if source in events.publishers(t)]
        channels[f"{source}.events"] = _events_channel(source, own)
        channels[f"{source}.keys"] = _keys_channel(source)
        operations[f"{source}.publish"] = _operation("send", source, own)
        operations[f"{source}.share_keys"] = _key_operation("send", source)
    for service in services.names():
        operations |= _hearing(service)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Events of the CRM platform",
            "version": "1.0.0",
            "description": "Made from the code by `make docs`. Only its service writes a topic; all may read it.",
        },
        "defaultContentType": envelope.CONTENT_TYPE.decode(),
        "channels": channels,
        "operations": operations,
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def _events_channel(source: str, own: Iterable[FactType]) -> Json:
    return {
        "address": f"{source}{EVENTS}",
        "description": f"All that {source} published, kept for ever; the key of a message is its subject",
        "messages": {t.name: {"$ref": f"#/components/messages/{t.name}"} for t in own},
        "bindings": {"kafka": {"partitions": PARTITIONS, "topicConfiguration": {"cleanup.policy": ["delete"]}}},
    }


def _keys_channel(source: str) -> Json:
    return {
        "address": f"{source}{KEYS}",
        "description": f"The members' keys of {source}, wrapped; the key of a message is member/key id",
        "messages": {KEY_MESSAGE: {"$ref": f"#/components/messages/{KEY_MESSAGE}"}},
        "bindings": {"kafka": {"partitions": KEYS_PARTITIONS, "topicConfiguration": {"cleanup.policy": ["compact"]}}},
    }


def _hearing(service: str) -> Json:
    heard = services.subscriptions(service)
    types = {name for each in heard.slices for name in each.handlers}
    operations: Json = {}
    for source in heard.sources:
        if source not in PUBLISHERS:
            continue
        own = [t for t in sorted(FACT_TYPES.values(), key=attrgetter("name")) if source in events.publishers(t)]
        wanted = [t for t in own if t.name in types or EVERYTHING in types]
        operations[f"{service}.hear_{source}"] = _operation("receive", source, wanted)
        operations[f"{service}.read_keys_of_{source}"] = _key_operation("receive", source)
    return operations


def _operation(action: str, source: str, types: Iterable[FactType]) -> Json:
    channel = f"#/channels/{source}.events"
    messages = [{"$ref": f"{channel}/messages/{t.name}"} for t in types]
    return {"action": action, "channel": {"$ref": channel}, "messages": messages}


def _key_operation(action: str, source: str) -> Json:
    channel = f"#/channels/{source}.keys"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{KEY_MESSAGE}"}],
    }


def _messages() -> Json:
    messages: Json = {t.name: _message(t) for t in sorted(FACT_TYPES.values(), key=attrgetter("name"))}
    messages[KEY_MESSAGE] = {
        "name": KEY_MESSAGE,
        "summary": inspect.getdoc(KeyRecord),
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{KeyRecord.__name__}"},
    }
    return messages


def _message(fact_type: FactType) -> Json:
    own = {
        "type": "object",
        "properties": {
            "type": {"const": fact_type.name},
            "dataschema": {"const": fact_type.dataschema},
            "data": {"$ref": f"#/components/schemas/{fact_type.record.__name__}"},
        },
    }
    return {
        "name": fact_type.name,
        "summary": inspect.getdoc(fact_type.record),
        "contentType": envelope.CONTENT_TYPE.decode(),
        "headers": {
            "type": "object",
            "properties": {"content-type": {"const": envelope.CONTENT_TYPE.decode()}},
            "required": ["content-type"],
        },
        "payload": {"allOf": [{"$ref": "#/components/schemas/Envelope"}, own]},
        "bindings": {"kafka": {"key": {"type": "string"}}},
    }


def _schemas() -> Json:
    found: Json = {"Envelope": _without_id(schemas.envelope_schema())}
    records: set[type[msgspec.Struct]] = {KeyRecord}
    for fact_type in sorted(FACT_TYPES.values(), key=attrgetter("name")):
        records |= schemas.structs(fact_type.record)
    for record in sorted(records, key=lambda each: each.__name__):
        of = schemas.schema_of(record)["$defs"][record.__name__]
        for name, meaning in meanings.of_fields(record).items():
            of["properties"][name]["description"] = meaning
        found[record.__name__] = json.loads(json.dumps(of).replace("#/$defs/", "#/components/schemas/"))
    return found


def _without_id(schema: Json) -> Json:
    return {key: value for key, value in schema.items() if not key.startswith("$")}
