"""Whatever was published can be read for ever, by this release and by every service that hears it."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import jsonschema_rs
import pytest
from sqlalchemy.orm import Session

from shared.edge.clock import system_clock
from shared.edge.db import connect
from shared.edge.wakeup import Wakeup
from shared.events import schemas
from shared.events.catalogue import FACT_TYPES, PUBLISHERS
from shared.events.envelope import Envelope
from shared.events.facts import Erased, change_personal
from shared.pipeline import keys, migrate, offsets, parking, positions
from shared.pipeline.incoming import Incoming, of
from shared.pipeline.receive import Subscription, receive
from shared.pipeline.sealing import KeyEncryptionKeys
from shared.pipeline.service import Service
from shared.pipeline.work import Work
from tests.contract import corpus
from tests.servers import PostgresServer

ROOT = Path(__file__).parents[2]
ALL = [each for source in corpus.sources() for each in corpus.events(source)]
SERVICES = sorted(path.parent.name for path in ROOT.glob("services/*/subscriptions.py"))
KEKS = KeyEncryptionKeys({"test": bytes(32)})


def name_of(each: Envelope) -> str:
    return f"{each.source}-{each.type}-{each.sequence}"


@pytest.mark.parametrize("source", sorted({*corpus.sources(), *corpus.digests()}))
def test_no_line_was_changed_or_removed(source: str) -> None:
    assert list(map(corpus.digest, corpus.lines(source))) == corpus.digests()[source]


@pytest.mark.parametrize("source", list(PUBLISHERS))
def test_every_type_that_a_service_publishes_is_in_its_file(source: str) -> None:
    assert corpus.missing(source) == [], "give it an example and run `python -m tests.contract.corpus add`"


def test_every_published_version_is_in_a_file() -> None:
    ids = {schema["$id"] for name, schema in schemas.published().items() if name != "envelope.json"}
    assert {each.dataschema for each in ALL} == ids


@pytest.mark.parametrize("each", ALL, ids=name_of)
def test_it_is_as_its_schema_says(each: Envelope) -> None:
    golden = schemas.published()
    line = next(line for line in corpus.lines(each.source) if each.id.encode() in line)
    _, _, name_and_version = each.dataschema.partition("urn:crm:")
    data_schema = golden[f"{name_and_version.replace(':', '.')}.json"]
    jsonschema_rs.validate(golden["envelope.json"], json.loads(line), validate_formats=True)
    jsonschema_rs.validate(data_schema, json.loads(bytes(each.data)), validate_formats=True)


@pytest.mark.parametrize("each", ALL, ids=name_of)
def test_it_opens_to_a_fact_of_today_with_every_text_readable(each: Envelope) -> None:
    fact_type = FACT_TYPES[each.type]
    assert isinstance(keys.open_fact(each, corpus.found(each)), fact_type.record)
    texts: list[str] = []
    change_personal(
        keys.open_data(each, fact_type, corpus.found(each)), fact_type.personal, lambda t: collect(t, texts)
    )
    assert all(texts)
    assert not any(isinstance(text, Erased) or text.startswith("1:") for text in texts)
    said = json.loads(bytes(each.data))
    assert len(texts) >= len({plan[0] for plan in fact_type.personal if plan[0] in said})


def collect(text: str, texts: list[str]) -> str:
    texts.append(text)
    return text


@pytest.fixture
def hearer(service: str, postgres: PostgresServer) -> Iterator[Service]:
    """A service on a migrated database of its own."""
    url = postgres.database(service)
    wiring = part(service, "wiring")
    migrate.upgrade(url, wiring.VERSIONS)
    engine = connect(url, name=service)
    made = Service(service, engine, {}, KEKS, system_clock, Wakeup(url))
    yield made
    made.wakeup.close()
    engine.dispose()


def part(service: str, name: str) -> ModuleType:
    return importlib.import_module(f"services.{service}.{name}")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_takes_in_all_that_was_ever_published(service: str, hearer: Service) -> None:
    subscriptions = part(service, "subscriptions").SUBSCRIPTIONS
    subscription = Subscription("main", subscriptions.slices, KEKS, parked_share=1.0)
    heard = [source for source in subscriptions.sources if source in corpus.sources()]
    for source in heard:
        hearer.transact(hearer.itself, lambda work, s=source: share_keys(work, s))  # type: ignore[misc]
        hearer.transact(hearer.itself, lambda work, s=source: hear(work, subscription, s))  # type: ignore[misc]
    with Session(hearer.engine) as session:
        assert parking.listed(session) == []
        for source in heard:
            last = {(source, each.subject): each for each in corpus.events(source)}
            known = positions.read(session, "main", last)
            assert {place: at.event_id for place, at in known.items()} == {p: each.id for p, each in last.items()}
    assert heard


def test_there_are_services_that_hear() -> None:
    assert SERVICES


def share_keys(work: Work, source: str) -> None:
    """What the publisher's keys topic says."""
    members = {each.subject.partition("/")[2] for each in corpus.events(source) if corpus.is_customers(each.subject)}
    records = {
        (member, corpus.KEY_ID): keys.KeyRecord(KEKS.wrap(corpus.KEY, source=source, member=member))
        for member in members
    }
    keys.store(work, source, records)


def hear(work: Work, subscription: Subscription, source: str) -> None:
    """The file comes in as one batch."""
    place = (f"{source}.events", 0)
    offsets.start(work.session, subscription.name, {place: 0}, history=False)
    receive(work, subscription, batch(source), {place: 0}, {})


def batch(source: str) -> list[Incoming]:
    return [
        of(f"{source}.events", 0, offset, json.loads(line)["subject"].encode(), line)
        for offset, line in enumerate(corpus.lines(source))
    ]


def test_adding_only_appends(tmp_path: Path) -> None:
    assert len(corpus.add(tmp_path)) == sum(len(corpus.published_by(source)) for source in PUBLISHERS)
    before = {source: corpus.lines(source, tmp_path) for source in PUBLISHERS}
    assert corpus.add(tmp_path) == []
    first = before["callcenter"][0]
    (tmp_path / "callcenter.jsonl").write_bytes(first + b"\n")
    assert len(corpus.add(tmp_path)) == len(before["callcenter"]) - 1
    assert corpus.lines("callcenter", tmp_path)[0] == first
    assert corpus.lines("sync", tmp_path) == before["sync"]


def test_a_field_that_came_later_asks_for_a_new_example(tmp_path: Path) -> None:
    corpus.add(tmp_path)
    lines = [line.replace(b'"waited_seconds"', b'"another_name"') for line in corpus.lines("callcenter", tmp_path)]
    (tmp_path / "callcenter.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    assert {t.name for t in corpus.missing("callcenter", tmp_path)} == {"contact.answered", "contact.abandoned"}
