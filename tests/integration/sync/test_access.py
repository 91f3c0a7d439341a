"""Who sees and does what in sync: by territory as it is told, and field by field; and what is kept of it."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.access.actions import Action, Reach
from shared.access.grants import Grant
from shared.customer import territories as rule
from shared.customer.territories import Assigned
from shared.edge.actor import Actor
from shared.events.callcenter import ContactOffered, ContactWrappedUp
from shared.events.customer import ClaimMade, CustomerEdited
from shared.events.envelope import new_id
from shared.pipeline import clusters, territories
from shared.pipeline.service import Service
from tests.integration.sync.conftest import SignedIn
from tests.integration.sync.field import Field, met
from tests.integration.sync.test_pages import served
from tests.integration.sync.told import Teller, pass_all

CANARY, PHONE = "canary 4711", "+15550100177"
HTML = "text/html"
TERRITORY = Reach.TERRITORY


@pytest.fixture
def divided(field: Field) -> tuple[Field, str, str]:
    """A customer in the north, that rita looks after, and one in the south, that mario does."""
    field.territory("north", "rita")
    field.territory("south", "mario")
    south = {"given_name": "Sura", "family_name": "Sassi", "phone": PHONE}
    return field, met(field, "north", given_name="Nora"), met(field, "south", **south)


def get(field: Field, path: str, actor: str = "rita", role: str = "rep", html: bool = False) -> Any:
    headers = field.headers(actor, role) | ({"accept": HTML, "accept-language": "en"} if html else {})
    return field.app.get(path, headers=headers)


def happened(field: Field, member: str) -> None:
    """A contact, and an edit that loses against another one."""
    claims = [ClaimMade(id=new_id(), field="city", value=f"{CANARY} {n}", made=field.clock()) for n in range(2)]
    stream = f"customer/{member}"
    offered = ContactOffered(contact="c1", channel="phone", queue="sales", address=PHONE)
    review = ContactWrappedUp(
        contact="c1", agent="anna", reason="x", outcome="y", note=CANARY, custom={"fibre": CANARY}
    )
    field.told(
        field.callcenter, (stream, offered), (stream, review), *((stream, CustomerEdited(claims=(c,))) for c in claims)
    )


def test_of_a_customer_in_another_territory_nothing_is_shown_in_any_way(divided: tuple[Field, str, str]) -> None:
    field, north, south = divided
    happened(field, south)
    paths = ["", "/timeline", "/ledger", "/same", "/live"]
    for path in paths:
        assert get(field, f"/customers/{south}{path}").status_code == 403, path
    for path in ("", "/record", "/entries", "/same"):
        assert get(field, f"/customers/{south}{path}", html=True).status_code == 403, path
        assert get(field, f"/customers/{north}{path}", html=True).status_code == 200, path
    for path in paths[:-1]:
        assert get(field, f"/customers/{south}{path}", "mario").status_code == 200, path
    refusals = field.column("SELECT action FROM audit_entry WHERE outcome = 'refused' AND actor = 'rita'")
    assert len(refusals) == 9


def test_a_search_finds_only_who_is_within_reach_before_it_is_cut(divided: tuple[Field, str, str]) -> None:
    field, north, south = divided
    for _ in range(3):
        met(field, "south", given_name="Nora")
    for body in ({"name": "nora", "limit": 1}, {"limit": 1}):
        found = field.ask("POST", "/customers/search", "rita", "rep", body).json()
        assert [one["customer"] for one in found] == [north]
    assert field.ask("POST", "/customers/search", "rita", "rep", {"phone": PHONE}).json() == []
    assert south not in get(field, "/", html=True).text
    assert north in get(field, "/", html=True).text


def test_a_rep_reads_timelines_over_pages_too(divided: tuple[Field, str, str]) -> None:
    field, north, _ = divided
    happened(field, north)
    page = get(field, f"/customers/{north}", html=True).text
    assert "Contact reviewed" in page
    assert CANARY in page
    assert "/edit" not in page


def test_what_a_role_doesn_t_show_is_masked_in_data_and_lines_and_said_to_be(divided: tuple[Field, str, str]) -> None:
    field, north, _ = divided
    happened(field, north)
    shown = ("given_name",)
    role = field.define_role(
        "clerk", Grant(Action.CUSTOMER_READ, TERRITORY, shown), Grant(Action.TIMELINE_READ, TERRITORY, shown)
    )
    entries = get(field, f"/customers/{north}/timeline", role=role).json()["entries"]
    masked = {entry["type"]: entry.get("masked", []) for entry in entries}
    assert masked["contact.offered"] == ["address"]
    assert masked["contact.wrapped_up"] == ["note", "custom.fibre"]
    assert masked["customer.edited"] == ["claims.0.value"]
    assert len(masked["customer.registered"]) == 1
    [registered] = [entry for entry in entries if entry["type"] == "customer.registered"]
    values = {one["field"]: one.get("value") for one in registered["data"]["claims"]}
    assert values == {"city": None, "given_name": "Nora"}
    page = get(field, f"/customers/{north}", role=role, html=True).text
    everything = json.dumps(entries) + page + get(field, f"/customers/{north}", role=role).text
    everything += get(field, f"/customers/{north}/ledger", role=role).text
    assert CANARY not in everything
    assert PHONE not in everything
    assert "hidden from your role" in page
    assert get(field, f"/customers/{north}", role=role).json()["masked"] == ["city"]
    texts = field.define_role("reader", Grant(Action.TIMELINE_READ, TERRITORY, ("text", "phone")))
    entries = get(field, f"/customers/{north}/timeline", role=texts).json()["entries"]
    assert {entry["type"] for entry in entries if entry.get("masked")} == {"customer.registered", "customer.edited"}


def test_the_ledger_masks_values_and_settling_needs_the_field(divided: tuple[Field, str, str]) -> None:
    field, north, _ = divided
    happened(field, north)
    role = field.define_role(
        "clerk",
        Grant(Action.CUSTOMER_READ, fields=("given_name",)),
        Grant(Action.CUSTOMER_EDIT, fields=("given_name",)),
    )
    [masked, *_] = get(field, f"/customers/{north}/ledger", role=role).json()
    assert (masked["field"], masked["value"], masked["winning_value"], masked["masked"]) == ("city", None, None, True)
    [open_one, *_] = get(field, f"/customers/{north}/ledger", "olga", "operator").json()
    assert CANARY in open_one["winning_value"]
    body = {"field": "city", "claim": masked["claim"]}
    assert field.ask("POST", f"/customers/{north}/settle", "clara", role, body).status_code == 403
    body = {"changes": {"given_name": "Nina", "city": "Rome"}}
    assert field.ask("POST", f"/customers/{north}/edit", "clara", role, body).status_code == 403
    body = {"changes": {"given_name": "Nina"}}
    assert field.ask("POST", f"/customers/{north}/edit", "clara", role, body).status_code == 200
    near = field.define_role("near", Grant(Action.CUSTOMER_READ, TERRITORY), Grant(Action.CUSTOMER_EDIT, TERRITORY))
    assert field.ask("POST", f"/customers/{north}/edit", "mario", near, body).status_code == 403
    assert field.ask("POST", f"/customers/{north}/edit", "rita", near, body).status_code == 200


def test_members_elsewhere_are_left_out_of_all_that_is_told_of_a_customer(divided: tuple[Field, str, str]) -> None:
    field, north, south = divided
    third = met(field, "north", given_name="Nives")
    for other in (south, third):
        field.operate("POST", f"/customers/{north}/join", {"other": other})
        field.settle()
    happened(field, south)
    answers = [get(field, f"/customers/{north}{path}") for path in ("", "/timeline?limit=200", "/same")]
    answers += [get(field, f"/customers/{north}", html=True), get(field, f"/customers/{north}/timeline?limit=2")]
    for answer in answers:
        assert answer.status_code == 200
        assert south not in answer.text
        assert "Sura" not in answer.text
    assert third in answers[0].text
    assert third in answers[1].text
    assert south in get(field, f"/customers/{north}/timeline?limit=200", "olga", "operator").text
    seen: list[str] = []
    page = get(field, f"/customers/{north}/timeline?limit=2").json()
    while True:
        assert south not in str(page["next"])
        seen += [entry["id"] for entry in page["entries"]]
        if page["next"] is None:
            break
        page = get(field, f"/customers/{north}/timeline?limit=2&before={page['next']}").json()
    assert seen == [entry["id"] for entry in answers[1].json()["entries"]]


def test_who_could_be_the_same_is_told_only_to_who_sees_both_and_what_they_share(
    divided: tuple[Field, str, str],
) -> None:
    field, _, south = divided
    alike = met(field, "north", given_name="Ada", family_name="Alba", phone=PHONE)
    near = met(field, "south", given_name="Bea", family_name="Bruni", phone=PHONE)
    reader = field.define_role("reader", Grant(Action.CUSTOMER_READ, fields=("given_name",)))
    for actor, role, members in (
        ("olga", "operator", {south, alike, near}),
        ("mario", "rep", {south, near}),
        ("rita", "rep", set()),
        ("clara", reader, set()),
    ):
        for path in ("/suggestions", "/suggestions?limit=1"):
            found = get(field, path, actor, role).json()
            named = {one["customer"] for one in found["suggestions"]}
            assert named <= members
            assert bool(named) == bool(members)
            assert all(part in members for part in (found["next"] or "").split(".")[:2] if part)
    body = {"other": south}
    near_role = field.define_role("near", Grant(Action.IDENTITY_DECIDE, TERRITORY))
    assert field.ask("POST", f"/customers/{alike}/join", "rita", near_role, body).status_code == 403
    assert field.ask("POST", f"/customers/{near}/join", "mario", near_role, body).status_code == 200


def test_a_grant_by_territory_ends_with_the_event_that_withdraws_it(field: Field) -> None:
    before = met(field, "", given_name="Nora")
    assert get(field, f"/customers/{before}").status_code == 200
    field.territory("north", "rita")
    assert get(field, f"/customers/{before}").status_code == 403
    field.assign(before, "north")
    assert get(field, f"/customers/{before}").status_code == 200
    field.withdraw("north", "rita")
    assert get(field, f"/customers/{before}").status_code == 403
    assert get(field, f"/customers/{before}", "olga", "operator").status_code == 200


def test_a_territory_of_which_an_event_waits_gives_nothing(divided: tuple[Field, str, str]) -> None:
    field, north, _ = divided
    field.territory("hills", parent="north")
    below = met(field, "hills")
    assert get(field, f"/customers/{below}").status_code == 200
    with field.service.engine.begin() as connection:
        connection.execute(
            text("""INSERT INTO parked_stream (subscription, source, stream, topic, partition, kind, reason)
                    VALUES ('main', 'sfa', 'territory/north', 'sfa.events', 0, 'poison', 'x')""")
        )
    assert get(field, f"/customers/{north}").status_code == 403
    assert get(field, f"/customers/{below}").status_code == 403


def test_an_open_page_hears_no_more_once_its_reader_may_not(
    sync: Service, callcenter: Teller, signed_in: SignedIn
) -> None:
    member = new_id()
    with sync.engine.begin() as connection:
        connection.execute(text("INSERT INTO territory_rep VALUES ('north', 'rita', true)"))
        connection.execute(
            text("INSERT INTO member_territory (member, territory, at) VALUES (:m, 'north', now())"), {"m": member}
        )
    rita = Actor("rita", "Rita", frozenset({"rep"}))
    with served(signed_in(rita)) as client, client.stream("GET", f"/customers/{member}/live", timeout=20) as stream:
        told = (line for line in stream.iter_lines() if line.startswith("event: "))
        assert next(told) == "event: changed"
        with sync.engine.begin() as connection:
            connection.execute(text("UPDATE territory_rep SET stands = false"))
        callcenter.tell((f"customer/{member}", ContactWrappedUp(contact="c", agent="a", reason="r", outcome="o")))
        pass_all(sync, callcenter)
        assert next(told, "the end") == "the end"


def test_who_looks_at_whom_is_kept_once(divided: tuple[Field, str, str]) -> None:
    field, north, _ = divided
    happened(field, north)
    for _ in range(3):
        get(field, f"/customers/{north}/timeline")
    looks = "SELECT action || ' ' || subjects::text FROM audit_entry WHERE outcome = 'looked' AND actor = 'rita'"
    assert field.column(looks) == [f"timeline.read {{customer/{north}}}"]
    assert CANARY not in str(field.column("SELECT detail::text FROM audit_entry"))


@pytest.mark.parametrize("seed", range(20))
def test_the_statement_finds_those_whom_the_rule_finds(sync: Service, seed: int) -> None:
    chance = random.Random(seed)
    names = [f"t{n}" for n in range(8)]
    members = sorted(new_id() for _ in range(20))
    parents = {name: chance.choice(["", *names]) for name in chance.sample(names, 6)}
    reps = {name: {"rita"} for name in chance.sample(names, 2)}
    assigned = {
        member: Assigned(chance.choice(["", *names]), datetime(2026, 1, chance.randint(1, 3), tzinfo=UTC))
        for member in chance.sample(members, 14)
    }
    homes = {member: chance.choice(members[:5]) for member in members[5:]}
    with Session(sync.engine) as session:
        for name, parent in parents.items():
            session.execute(text("INSERT INTO territory VALUES (:n, '', :p)"), {"n": name, "p": parent})
        for name in reps:
            session.execute(text("INSERT INTO territory_rep VALUES (:n, 'rita', true)"), {"n": name})
        for member, of in assigned.items():
            values = {"m": member, "t": of.territory, "at": of.at}
            session.execute(text("INSERT INTO member_territory (member, territory, at) VALUES (:m, :t, :at)"), values)
        clusters.assign(session, homes)
        mates = clusters.mates_of(session, members)
        wanted = {
            member
            for member in members
            if rule.looks_after("rita", rule.territory_of(member, mates[member], assigned), parents, reps)
        }
        assert territories.looked_after(session, "rita", members, territories.ASSIGNED_ELSEWHERE) == wanted
