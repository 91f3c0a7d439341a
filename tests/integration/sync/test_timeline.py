"""The timeline: complete, in order, readable, and nothing of an erased person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.sync.timeline.handlers import record
from shared.events.callcenter import CaseOpened, ContactOffered, ContactWrappedUp
from shared.events.customer import CustomerErased
from shared.events.envelope import Envelope, Event, new_id
from shared.events.facts import Fact
from shared.pipeline.service import Service
from tests.integration.sync.conftest import SignedIn
from tests.integration.sync.told import OLGA, Teller, hear, pass_all, pass_keys

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
CANARY = "canary 4711"


def wrapped_up(note: str = "", contact: str = "c1") -> ContactWrappedUp:
    return ContactWrappedUp(contact=contact, agent="anna", reason="billing", outcome="solved", note=note)


def test_an_entry_has_its_text_its_title_and_a_link(sync: Service, callcenter: Teller, signed_in: SignedIn) -> None:
    member = new_id()
    callcenter.tell((f"customer/{member}", wrapped_up("asked for Mrs Núñez")), at=AT)
    pass_all(sync, callcenter)
    answer = signed_in(OLGA).get(f"/customers/{member}/timeline").json()
    assert (answer["member"], answer["erased"], answer["next"]) == (member, False, None)
    [entry] = answer["entries"]
    assert entry["title"] == "Contact reviewed"
    assert entry["data"]["note"] == "asked for Mrs Núñez"
    assert entry["about"] == {"kind": "contact", "id": "c1", "url": "http://callcenter.example/contacts/c1"}
    assert (entry["source"], entry["author"], entry["occurred"]) == ("callcenter", "anna", "2026-03-01T09:00:00Z")


def test_pages_join_without_loss_or_repetition_also_at_equal_times(
    sync: Service, callcenter: Teller, signed_in: SignedIn
) -> None:
    member = new_id()
    stream = f"customer/{member}"
    for minute in range(4):
        facts: list[tuple[str, Fact]] = [(stream, wrapped_up(f"{minute}.{n}")) for n in range(5)]
        callcenter.tell(*facts, at=AT + timedelta(minutes=minute // 2))
    pass_all(sync, callcenter)
    client, url, notes, turns = signed_in(OLGA), f"/customers/{member}/timeline?limit=3", list[str](), 0
    page = client.get(url).json()
    while True:
        notes += [entry["data"]["note"] for entry in page["entries"]]
        turns += 1
        if page["next"] is None:
            break
        page = client.get(f"{url}&before={page['next']}").json()
    assert notes == [f"{minute}.{n}" for minute in (3, 2, 1, 0) for n in (4, 3, 2, 1, 0)]
    assert turns == 7


def test_a_batch_by_copy_is_the_same_as_single_events(sync: Service, callcenter: Teller) -> None:
    streams = [f"customer/{new_id()}" for _ in range(30)]
    callcenter.tell(*[(stream, wrapped_up("ä\t\n\\ '")) for stream in streams for _ in range(5)], at=AT)
    envelopes = pass_all(sync, callcenter)
    by_copy = _rows(sync)
    assert len(by_copy) == 150
    with sync.engine.begin() as connection:
        connection.execute(text("TRUNCATE interaction"))
    for envelope in envelopes:
        assert hear(sync, [envelope]) == []
    assert _rows(sync) == by_copy


def test_a_group_shows_only_its_types(sync: Service, callcenter: Teller, signed_in: SignedIn) -> None:
    member = new_id()
    case = CaseOpened(case="k1", reason="fault", subject="no line", requested=AT)
    callcenter.tell((f"customer/{member}", wrapped_up()), (f"customer/{member}", case), at=AT)
    pass_all(sync, callcenter)
    client = signed_in(OLGA)
    answer = client.get(f"/customers/{member}/timeline", params={"group": "case"}).json()
    assert [entry["type"] for entry in answer["entries"]] == ["case.opened"]
    assert answer["entries"][0]["about"]["url"] == "http://callcenter.example/cases/k1"
    # A group is the whole word before the dot.
    assert client.get(f"/customers/{member}/timeline", params={"group": "cas"}).json()["entries"] == []


def test_a_type_that_is_not_known_is_shown_without_its_data(
    sync: Service, callcenter: Teller, signed_in: SignedIn
) -> None:
    member = new_id()
    callcenter.tell((f"customer/{member}", wrapped_up(CANARY)), at=AT)
    [known], records = callcenter.take()
    pass_keys(sync, callcenter, records)
    unknown = msgspec.structs.replace(known, type="visit.planned", dataschema="urn:crm:visit.planned:1")
    newer = msgspec.structs.replace(known, id=new_id(), dataschema="urn:crm:contact.wrapped_up:99", digits="0000000002")
    assert hear(sync, [unknown]) == []
    # A slice that wants the type waits for the release that can read it; the timeline alone wouldn't need it.
    _store(sync, newer)
    answer = signed_in(OLGA).get(f"/customers/{member}/timeline").json()
    assert [(e["title"], e["data"]) for e in answer["entries"]] == [
        ("Contact reviewed", None),
        ("Visit planned", None),
    ]
    assert answer["entries"][0]["problem"] == "not readable by this release"
    assert answer["entries"][1]["about"]["kind"] == "customer"


def test_a_text_whose_key_is_late_is_shown_once_it_is_here(
    sync: Service, callcenter: Teller, signed_in: SignedIn
) -> None:
    member = new_id()
    offered = ContactOffered(contact="c1", channel="phone", queue="sales", address="+390612345678")
    callcenter.tell((f"customer/{member}", offered), at=AT)
    envelopes, records = callcenter.take()
    assert hear(sync, envelopes) == []
    client = signed_in(OLGA)
    [entry] = client.get(f"/customers/{member}/timeline").json()["entries"]
    assert (entry["data"]["address"], entry["problem"], entry["data"]["queue"]) == (None, "key missing", "sales")
    assert "erased" not in entry
    pass_keys(sync, callcenter, records)
    [entry] = client.get(f"/customers/{member}/timeline").json()["entries"]
    assert entry["data"]["address"] == "+390612345678"
    assert "problem" not in entry


def test_erased_text_is_shown_as_erased_and_a_late_key_is_refused(
    sync: Service, callcenter: Teller, signed_in: SignedIn
) -> None:
    member = new_id()
    callcenter.tell((f"customer/{member}", wrapped_up(CANARY)), at=AT)
    envelopes, records = callcenter.take()
    callcenter.tell((f"customer/{member}", CustomerErased()))
    erasure, _ = callcenter.take()
    pass_keys(sync, callcenter, records)
    assert hear(sync, envelopes + erasure) == []
    pass_keys(sync, callcenter, records)
    answer = signed_in(OLGA).get(f"/customers/{member}/timeline").json()
    assert answer["erased"] is True
    assert [(e["type"], e.get("erased")) for e in answer["entries"]] == [
        ("customer.erased", None),
        ("contact.wrapped_up", True),
    ]
    assert answer["entries"][1]["data"]["note"] is None


def _rows(sync: Service) -> list[tuple[object, ...]]:
    with Session(sync.engine) as session:
        rows = session.execute(text("SELECT * FROM interaction ORDER BY stream, source, sequence"))
        return [tuple(row) for row in rows]


def _store(sync: Service, envelope: Envelope) -> None:
    sync.transact(sync.itself, lambda work: record(work, [Event(envelope)]))
