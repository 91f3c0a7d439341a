"""Every event type ever published, as it was published: one file a publishing service, one event a line.

The files only grow. A line is what stood in the topic, sealed with ``KEY``; ``digests.json`` says what each line
was, so that none can be changed or removed unseen. ``python -m tests.contract.corpus add`` adds what is missing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from deploy.docs.examples import EXAMPLES
from shared.customer.member import member_of
from shared.events import envelope
from shared.events.catalogue import FACT_TYPES, PUBLISHERS
from shared.events.envelope import Envelope
from shared.events.facts import Fact, FactType, change_personal, to_data
from shared.pipeline.keys import Found
from shared.pipeline.sealing import MemberKey, seal

FOLDER = Path(__file__).parent
DIGESTS = FOLDER / "digests.json"
KEY = bytes(range(100, 132))
KEY_ID = "corpus"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
_UUID = re.compile(envelope.UUID_TEXT.pattern)


def lines(source: str, folder: Path = FOLDER) -> list[bytes]:
    """What a service published, in the order of its topic."""
    path = folder / f"{source}.jsonl"
    return path.read_bytes().splitlines() if path.exists() else []


def events(source: str, folder: Path = FOLDER) -> list[Envelope]:
    return [_parsed(source, line) for line in lines(source, folder)]


def sources(folder: Path = FOLDER) -> list[str]:
    """The services that ever published."""
    return sorted(path.stem for path in folder.glob("*.jsonl"))


def found(each: Envelope) -> Found:
    """The keys with which an event is opened."""
    return {(each.source, member_of(each.subject)): {KEY_ID: AESGCM(KEY)}} if is_customers(each.subject) else {}


def is_customers(stream: str) -> bool:
    return stream.startswith("customer/")


def digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def digests(folder: Path = FOLDER) -> dict[str, list[str]]:
    """What each line of each file is."""
    path = folder / DIGESTS.name
    kept: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return kept


def published_by(source: str) -> list[FactType]:
    """The event types that a service may publish, in the examples' order; those without an example last."""
    modules = {module.__name__ for module in PUBLISHERS[source]}
    order = list(EXAMPLES)
    own = [t for t in FACT_TYPES.values() if t.record.__module__ in modules]
    return sorted(own, key=lambda t: order.index(t.name) if t.name in EXAMPLES else len(order))


def missing(source: str, folder: Path = FOLDER) -> list[FactType]:
    """The types of which the file has no event with all the fields that are published today."""
    known = [(each.dataschema, set(json.loads(bytes(each.data)))) for each in events(source, folder)]
    return [
        t
        for t in published_by(source)
        if not any(schema == t.dataschema and set(t.record.__struct_fields__) <= fields for schema, fields in known)
    ]


def add(folder: Path = FOLDER) -> list[str]:
    """Publish an example of whatever is missing; gives their names. Raises ``KeyError`` for a type without one."""
    added = []
    kept = digests(folder)
    for source in PUBLISHERS:
        if new := missing(source, folder):
            fresh = list(_publish(source, [EXAMPLES[t.name] for t in new], new, folder))
            with (folder / f"{source}.jsonl").open("ab") as file:
                file.writelines(line + b"\n" for line in fresh)
            kept.setdefault(source, []).extend(map(digest, fresh))
            added += [f"{source}: {t.dataschema}" for t in new]
    (folder / DIGESTS.name).write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return added


def _publish(source: str, facts: list[Fact], types: list[FactType], folder: Path) -> Iterator[bytes]:
    """Messages in which a customer that is new to the corpus lives through these facts."""
    member = envelope.new_id()
    heads = Counter({each.subject: each.sequence for each in events(source, folder)})
    renamed: dict[str, str] = {}
    for minute, (fact, fact_type) in enumerate(zip(facts, types, strict=True)):
        data = _with_own_ids(to_data(fact), renamed)
        named = data.get(fact_type.about) if fact_type.about else source
        stream = f"customer/{member}" if fact_type.stream in ("customer", "") else f"{fact_type.stream}/{named}"
        heads[stream] += 1
        event_id, at = envelope.new_id(), NOON + timedelta(minutes=minute)
        _seal(data, fact_type, event_id)
        body = envelope.body(
            fact_type, data, id=event_id, source=source, stream=stream, occurred=at, recorded=at, author="anna"
        )
        yield envelope.message(body, heads[stream])


def _seal(data: Any, fact_type: FactType, event_id: str) -> None:
    key = MemberKey(KEY_ID, AESGCM(KEY))
    change_personal(data, fact_type.personal, lambda clear: seal(clear, key, event_id=event_id))


def _with_own_ids(data: dict[str, Any], renamed: dict[str, str]) -> dict[str, Any]:
    # Two customers don't share a contact or a claim.
    def other(match: re.Match[str]) -> str:
        return renamed.setdefault(match[0], envelope.new_id())

    changed: dict[str, Any] = json.loads(_UUID.sub(other, json.dumps(data)))
    return changed


def _parsed(source: str, line: bytes) -> Envelope:
    return envelope.parse(line, source=source, stream=json.loads(line)["subject"])
