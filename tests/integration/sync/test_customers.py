"""The record: folded from what everybody claims, edited here, searched, and forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import inspect, text
from sqlalchemy.orm import Session

from services.sync.subscriptions import SUBSCRIPTIONS
from shared.customer.member import Member
from shared.edge.actor import Actor
from shared.events.callcenter import ContactWrappedUp
from shared.events.customer import ClaimMade, CustomerEdited, CustomerErased, CustomerRegistered, CustomFieldDefined
from shared.events.envelope import new_id
from shared.events.facts import Fact
from shared.pipeline import claims, rebuild
from shared.pipeline.service import Service
from tests.integration.sync.conftest import SignedIn
from tests.integration.sync.told import ANNA, OLGA, Teller, hear, own, pass_all, pass_keys

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
CANARY = "Canary-4711"
PHONE = Actor("telephony", roles=frozenset({"telephony"}))


def claim(field: str, value: str, *saw: str, minute: int = 0) -> ClaimMade:
    return ClaimMade(id=new_id(), field=field, value=value, saw=saw, made=AT + timedelta(minutes=minute))


def registered(teller: Teller, *made: ClaimMade) -> str:
    member = new_id()
    teller.tell((f"customer/{member}", CustomerRegistered(claims=made)), at=AT)
    return member


def fields(signed_in: SignedIn, member: str) -> dict[str, Any]:
    answer = signed_in(ANNA).get(f"/customers/{member}")
    assert answer.status_code == 200
    return {field["name"]: field for field in answer.json()["fields"]}


def test_what_was_registered_elsewhere_is_found_and_shown(
    sync: Service, callcenter: Teller, signed_in: SignedIn
) -> None:
    member = registered(
        callcenter,
        claim("family_name", "Núñez-Ortiz"),
        claim("given_name", "Ana"),
        claim("phone", "+34911234567"),
        claim("email", "Ana@example.org"),
    )
    registered(callcenter, claim("family_name", "Other"))
    pass_all(sync, callcenter)
    client = signed_in(ANNA)
    found = {"customer": member, "name": "Ana Núñez-Ortiz", "phone": "+34911234567", "email": "Ana@example.org"}
    for asked in (
        {"name": "nunez ANA"},
        {"name": "ort"},
        {"phone": "091 123 4567"},
        {"phone": "0034 (911) 234-567"},
        {"email": "ana@EXAMPLE"},
        {"name": "ana", "phone": "1234567"},
    ):
        assert client.post("/customers/search", json=asked).json() == [{**found, "status": "", "masked": []}], asked
    for asked in ({"name": "zz"}, {"phone": "123"}, {"email": "%"}, {"name": "ana", "phone": "7654321"}):
        assert client.post("/customers/search", json=asked).json() == []
    assert len(client.post("/customers/search", json={}).json()) == 2
    assert list(fields(signed_in, member)) == ["given_name", "family_name", "phone", "email"]


def test_an_edit_is_a_claim_and_is_told_to_everybody(sync: Service, callcenter: Teller, signed_in: SignedIn) -> None:
    member = registered(callcenter, claim("city", "Rome"))
    pass_all(sync, callcenter)
    url = f"/customers/{member}/edit"
    answer = signed_in(OLGA).post(url, json={"changes": {"city": "Milan", "phone": "+39 06 1234 5678"}})
    assert len(answer.json()["claims"]) == 2
    assert "Milan" not in answer.text
    now = fields(signed_in, member)
    assert (now["city"]["value"], now["phone"]["value"]) == ("Milan", "+390612345678")
    [edited] = own(sync).take()[0]
    assert (edited.type, edited.subject, edited.authid) == ("customer.edited", f"customer/{member}", "olga")
    assert b"Milan" not in bytes(edited.data)


def test_the_same_edit_again_changes_nothing(sync: Service, callcenter: Teller, signed_in: SignedIn) -> None:
    member = registered(callcenter, claim("city", "Rome"))
    pass_all(sync, callcenter)
    client, body = signed_in(OLGA), {"changes": {"notes": "likes tea"}}
    header = {"Idempotency-Key": "notes-of-today"}
    first = client.post(f"/customers/{member}/edit", json=body, headers=header)
    again = client.post(f"/customers/{member}/edit", json=body, headers=header)
    assert first.json() == again.json()
    assert fields(signed_in, member)["notes"]["value"] == ["likes tea"]


def test_own_events_heard_again_change_nothing(sync: Service, callcenter: Teller, signed_in: SignedIn) -> None:
    member = registered(callcenter, claim("city", "Rome"))
    pass_all(sync, callcenter)
    signed_in(OLGA).post(f"/customers/{member}/edit", json={"changes": {"city": "Milan", "products": ["Line"]}})
    before = tables(sync)
    assert hear(sync, own(sync).take()[0]) == []
    assert {name: rows for name, rows in tables(sync).items() if name != "interaction"} == {
        name: rows for name, rows in before.items() if name != "interaction"
    }


def test_edits_that_did_not_see_each_other_are_kept_explained_and_restored(
    sync: Service, callcenter: Teller, signed_in: SignedIn
) -> None:
    first = claim("city", "Rome")
    member = registered(callcenter, first)
    pass_all(sync, callcenter)
    body = {"changes": {"city": "Milan"}, "saw": {"city": [first.id]}}
    [mine] = signed_in(OLGA).post(f"/customers/{member}/edit", json=body).json()["claims"]
    theirs = claim("city", "Turin", first.id, minute=1)
    callcenter.tell((f"customer/{member}", CustomerEdited(claims=(theirs,))))
    pass_all(sync, callcenter)
    assert fields(signed_in, member)["city"]["value"] == "Milan"
    [lost] = signed_in(ANNA).get(f"/customers/{member}/ledger").json()
    assert (lost["value"], lost["winning_value"], lost["winner"], lost["reason"]) == ("Turin", "Milan", mine, "later")
    assert (lost["source"], lost["author"], lost["settled_by"]) == ("callcenter", "anna", None)
    answer = signed_in(OLGA).post(f"/customers/{member}/settle", json={"field": "city", "claim": theirs.id})
    assert fields(signed_in, member)["city"]["value"] == "Turin"
    [lost] = signed_in(ANNA).get(f"/customers/{member}/ledger").json()
    assert lost["settled_by"] == answer.json()["claims"][0]


def test_a_conflict_for_a_person_is_open_until_settled(sync: Service, callcenter: Teller, signed_in: SignedIn) -> None:
    one, two = claim("birth_date", "1980-01-02"), claim("birth_date", "1980-02-01", minute=1)
    member = registered(callcenter, one, two)
    pass_all(sync, callcenter)
    field = fields(signed_in, member)["birth_date"]
    assert [rival["value"] for rival in field["rivals"]] == ["1980-01-02", "1980-02-01"]
    assert sorted(field["heads"]) == sorted([one.id, two.id])
    signed_in(OLGA).post(f"/customers/{member}/settle", json={"field": "birth_date", "claim": two.id})
    field = fields(signed_in, member)["birth_date"]
    assert (field["value"], field["rivals"]) == ("1980-02-01", [])


def test_a_field_that_a_department_defines_folds_by_its_policy_from_then_on(
    sync: Service, callcenter: Teller, signed_in: SignedIn
) -> None:
    member = registered(callcenter, claim("custom.tags", "+vip"), claim("custom.tags", "+slow", minute=1))
    pass_all(sync, callcenter)
    assert fields(signed_in, member)["custom.tags"]["value"] == "+slow"
    defined = CustomFieldDefined(name="custom.tags", label="Tags", kind="set", policy="add_remove_set")
    callcenter.tell(("custom_field/custom.tags", defined))
    pass_all(sync, callcenter)
    field = fields(signed_in, member)["custom.tags"]
    assert (field["label"], field["value"]) == ("Tags", ["slow", "vip"])


def test_a_definition_that_is_not_understood_waits_for_a_person(sync: Service, callcenter: Teller) -> None:
    for name, kind, policy in (
        ("city", "text", "latest"),
        ("custom.x", "colour", "latest"),
        ("custom.y", "set", "latest"),
    ):
        fact = CustomFieldDefined(name=name, label="X", kind=kind, policy=policy)
        callcenter.tell((f"custom_field/{name}", fact))
    envelopes, _ = callcenter.take()
    assert {bad.event.stream for bad in hear(sync, envelopes)} == {e.subject for e in envelopes}


def test_nothing_of_an_erased_person_is_left_in_any_table(
    sync: Service, callcenter: Teller, signed_in: SignedIn
) -> None:
    member = registered(
        callcenter,
        claim("given_name", CANARY),
        claim("email", f"{CANARY}@example.org"),
        claim("custom.x", CANARY),
        claim("city", CANARY),
        claim("city", f"{CANARY} 2", minute=1),
    )
    review = ContactWrappedUp(contact="c", agent="a", reason="r", outcome="o", note=CANARY, satisfaction=1)
    callcenter.tell((f"customer/{member}", review))
    pass_all(sync, callcenter)
    client = signed_in(OLGA)
    header = {"Idempotency-Key": "edit-of-canary"}
    client.post(f"/customers/{member}/edit", json={"changes": {"street": CANARY}}, headers=header)
    assert CANARY in client.get(f"/customers/{member}/timeline").text
    hear(sync, own(sync).take()[0])
    proposed = client.post("/erasures", json={"customer": member}).json()["erasure"]
    assert client.post(f"/erasures/{proposed}/consent").status_code == 403
    second = Actor("otto", "Otto", frozenset({"operator"}))
    assert signed_in(second).post(f"/erasures/{proposed}/consent").json()["members"] == [member]
    assert CANARY.lower() not in str(tables(sync)).lower()
    assert plainly(sync, CANARY) == []
    card = client.get(f"/customers/{member}").json()
    assert (card["erased"], card["fields"]) == (True, [])
    assert client.get(f"/customers/{member}/ledger").json() == []
    assert client.post("/customers/search", json={"name": CANARY}).json() == []
    timeline = client.get(f"/customers/{member}/timeline").json()
    assert timeline["erased"] is True
    assert CANARY not in str(timeline)
    [erased] = [e for e in own(sync).take()[0] if e.type == "customer.erased"]
    assert erased.subject == f"customer/{member}"
    assert client.post(f"/customers/{member}/edit", json={"changes": {"city": "X"}}).status_code == 409
    assert client.post("/erasures", json={"customer": member}).status_code == 409


def test_what_comes_late_of_an_erased_person_is_not_kept(sync: Service, callcenter: Teller) -> None:
    member = registered(callcenter, claim("given_name", CANARY))
    late, records = callcenter.take()
    callcenter.tell((f"customer/{member}", CustomerErased()))
    erasure = [msgspec.structs.replace(e, source="marketing", digits="0000000001") for e in callcenter.take()[0]]
    assert hear(sync, erasure) == []
    pass_keys(sync, callcenter, records)
    assert hear(sync, late) == []
    assert CANARY.lower() not in str(tables(sync)).lower()
    with Session(sync.engine) as session:
        assert claims.claims_of(session, Member(member), ["given_name"]) == {}


def test_a_rebuild_gives_the_same_tables(sync: Service, callcenter: Teller, signed_in: SignedIn) -> None:
    facts: list[tuple[str, Fact]] = []
    members = [registered(callcenter, claim("city", "Rome"), claim("products", "+Line")) for _ in range(3)]
    facts += [(f"customer/{member}", CustomerEdited(claims=(claim("city", "Bari"),))) for member in members]
    callcenter.tell(*facts, (f"customer/{members[0]}", CustomerErased()))
    heard = pass_all(sync, callcenter)
    signed_in(OLGA).post(f"/customers/{members[1]}/edit", json={"changes": {"city": "Milan"}})
    mine = own(sync).take()[0]
    assert hear(sync, mine) == []
    before = tables(sync)
    sync.transact(sync.itself, lambda work: rebuild.rebuild(work, "main", SUBSCRIPTIONS.slices))
    assert hear(sync, heard + mine) == []
    assert tables(sync) == before


def test_who_may_do_what(sync: Service, callcenter: Teller, signed_in: SignedIn) -> None:
    member = registered(callcenter, claim("city", "Rome"))
    pass_all(sync, callcenter)
    reads = (f"/customers/{member}", f"/customers/{member}/timeline", f"/customers/{member}/ledger")
    for actor, status in ((ANNA, 200), (OLGA, 200), (PHONE, 403)):
        assert {signed_in(actor).get(url).status_code for url in reads} == {status}
        assert signed_in(actor).post("/customers/search", json={}).status_code == status
    change = {"changes": {"city": "Milan"}}
    assert signed_in(ANNA).post(f"/customers/{member}/edit", json=change).status_code == 403
    assert signed_in(ANNA).post("/erasures", json={"customer": member}).status_code == 403
    assert signed_in(OLGA).get(f"/customers/{new_id()}").status_code == 404
    assert signed_in(OLGA).post(f"/customers/{new_id()}/edit", json=change).status_code == 404


def test_a_refusal_says_what_is_expected_and_not_what_was_sent(
    sync: Service, callcenter: Teller, signed_in: SignedIn
) -> None:
    member = registered(callcenter, claim("city", "Rome"))
    pass_all(sync, callcenter)
    for changes in ({"email": CANARY}, {"phone": CANARY}, {"birth_date": CANARY}, {"nofield": CANARY}):
        answer = signed_in(OLGA).post(f"/customers/{member}/edit", json={"changes": changes})
        assert answer.status_code == 422
        assert CANARY not in answer.text


def tables(sync: Service) -> dict[str, list[str]]:
    """The rows of all tables that hearing events writes, as text."""
    names = ("interaction", "claim", "customer_record", "custom_field", "intent", "command_result", "member_key")
    with Session(sync.engine) as session:
        return {
            name: sorted(str(tuple(row)) for row in session.execute(text(f"SELECT * FROM {name}"))) for name in names
        }


def plainly(sync: Service, canary: str) -> list[str]:
    """The tables, of all there are, in which the canary can be read."""
    found = []
    with Session(sync.engine) as session:
        for name in inspect(sync.engine).get_table_names():
            rows = session.execute(text(f'SELECT t::text FROM "{name}" t'))
            hexed = canary.encode().hex()
            if any(canary.lower() in row[0].lower() or hexed in row[0] for row in rows):
                found.append(name)
    return found
