"""What people see of members that are the same customer, and how they decide."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from services.sync.identity import consent, handlers
from services.sync.subscriptions import SUBSCRIPTIONS
from services.sync.timeline.handlers import _parameters, _query
from services.sync.timeline.rules import Place, Wanted
from shared.edge.actor import Actor
from shared.events.callcenter import ContactWrappedUp
from shared.events.customer import CustomerErased
from shared.events.envelope import new_id
from shared.events.heads import HeadsReported
from shared.pipeline import clusters
from shared.pipeline.service import Service
from shared.pipeline.tasks import Tasks
from tests.integration.sync.conftest import SignedIn
from tests.integration.sync.test_customers import claim, registered
from tests.integration.sync.test_pages import HTML
from tests.integration.sync.told import ANNA, OLGA, Teller, pass_all

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
PHONE = "+390612345678"


def review(note: str) -> ContactWrappedUp:
    return ContactWrappedUp(contact="c", agent="anna", reason="r", outcome="o", note=note)


def work_out(sync: Service) -> None:
    through = {each.name: "main" for each in SUBSCRIPTIONS.slices}
    tasks = Tasks(sync, (handlers.TASK, consent.TASK), through, threading.Event())
    while tasks.round():
        pass


def two_names(sync: Service, callcenter: Teller) -> tuple[str, str]:
    """Two members with one number and different names."""
    ana, luis = (
        registered(callcenter, claim("phone", PHONE), claim("given_name", name), claim("family_name", "Ortiz"))
        for name in ("Ana", "Luis")
    )
    pass_all(sync, callcenter)
    work_out(sync)
    return ana, luis


def test_people_join_part_and_join_again_what_is_suggested(
    sync: Service, callcenter: Teller, signed_in: SignedIn
) -> None:
    ana, luis = two_names(sync, callcenter)
    client = signed_in(OLGA)
    answer = client.get("/suggestions").json()
    assert answer["next"] is None
    [suggestion] = answer["suggestions"]
    assert (suggestion["name"], suggestion["because"], suggestion["why"]) == ("Ana Ortiz", "phone", "names")
    assert suggestion["others"] == [{"customer": luis, "name": "Luis Ortiz"}]
    for decision, news, others in (
        ("join", True, [luis]),
        ("join", False, [luis]),
        ("part", True, []),
        ("join", True, [luis]),
    ):
        answer = client.post(f"/customers/{ana}/{decision}", json={"other": luis})
        assert answer.json() == {"customer": ana, "other": luis, "news": news}
        work_out(sync)
        assert [one["customer"] for one in client.get(f"/customers/{ana}").json()["others"]] == others
        assert client.get("/suggestions").json()["suggestions"] == []
    same = client.get(f"/customers/{luis}/same").json()
    assert same["others"] == [{"customer": ana, "name": "Ana Ortiz"}]
    assert same["decided"] == [{"other": {"customer": ana, "name": "Ana Ortiz"}, "joined": True}]


def test_who_may_not_and_what_can_t_be_is_refused_clearly(
    sync: Service, callcenter: Teller, signed_in: SignedIn
) -> None:
    ana, luis = two_names(sync, callcenter)
    gone = registered(callcenter)
    callcenter.tell((f"customer/{gone}", CustomerErased()))
    pass_all(sync, callcenter)
    for path in ("join", "part"):
        for other, status in ((luis, 403), (gone, 403)):
            assert signed_in(ANNA).post(f"/customers/{ana}/{path}", json={"other": other}).status_code == status
        for other, status in ((new_id(), 404), (gone, 409), (ana, 422), ("x", 422)):
            answer = signed_in(OLGA).post(f"/customers/{ana}/{path}", json={"other": other})
            assert answer.status_code == status
            assert answer.json()["detail"]
    stranger = Actor("telephony", roles=frozenset({"telephony"}))
    for path in ("/suggestions", f"/customers/{ana}/same"):
        assert signed_in(stranger).get(path).status_code == 403
        assert signed_in(ANNA).get(path).status_code == 200
    assert signed_in(OLGA).get("/suggestions", params={"after": "x.y.z"}).status_code == 422


def test_suggestions_go_on_where_a_page_ended(sync: Service, callcenter: Teller, signed_in: SignedIn) -> None:
    for _ in range(6):
        registered(callcenter, claim("phone", PHONE), claim("email", "ana@example.org"))
    pass_all(sync, callcenter)
    work_out(sync)
    client, found = signed_in(OLGA), list[tuple[str, str]]()
    after: str | None = ""
    while after is not None:
        page = client.get("/suggestions", params={"why": "crowded", "after": after, "limit": 5}).json()
        found += [(one["customer"], one["because"]) for one in page["suggestions"]]
        after = page["next"]
    assert len(found) == len(set(found)) == 12
    [first, *_] = client.get(f"/customers/{found[0][0]}/same").json()["suggestions"]
    assert len(first["others"]) == 5


def test_the_timeline_of_a_customer_is_that_of_all_its_members(
    sync: Service, callcenter: Teller, signed_in: SignedIn
) -> None:
    members = sorted(new_id() for _ in range(3))
    # At one time and with one sequence in each stream, so that only the member tells them apart.
    for minute in range(4):
        for n, member in enumerate(members):
            callcenter.tell((f"customer/{member}", review(f"{minute}.{n}")), at=AT + timedelta(minutes=minute // 2))
    pass_all(sync, callcenter)
    sync.transact(OLGA, lambda work: clusters.assign(work.session, dict.fromkeys(members, members[0])))
    client, url = signed_in(OLGA), f"/customers/{members[1]}/timeline?limit=5"
    page: dict[str, Any] = client.get(url).json()
    entries = page["entries"]
    while page["next"]:
        page = client.get(f"{url}&before={page['next']}").json()
        entries += page["entries"]
    assert [entry["data"]["note"] for entry in entries] == [f"{m}.{n}" for m in (3, 2, 1, 0) for n in (2, 1, 0)]
    assert [entry.get("member") for entry in entries[:3]] == [members[2], None, members[0]]
    # A cursor from before the members were linked goes on too.
    old = f"{int((AT + timedelta(minutes=1)).timestamp() * 10**6)}.3.callcenter"
    notes = [e["data"]["note"] for e in client.get(f"{url}&before={old}").json()["entries"]]
    assert notes == ["1.2", "1.1", "1.0", "0.2", "0.1"]
    # One member's erasure leaves the others' texts.
    callcenter.tell((f"customer/{members[2]}", CustomerErased()))
    pass_all(sync, callcenter)
    answer = client.get(f"/customers/{members[1]}/timeline").json()
    assert answer["erased"] is False
    assert {e["data"].get("note") for e in answer["entries"] if e.get("member") == members[2]} == {None}
    assert {e["data"]["note"] for e in answer["entries"] if e.get("member") is None} == {f"{m}.1" for m in range(4)}


def test_the_timeline_of_many_members_reads_no_more_of_each_than_it_shows(sync: Service, callcenter: Teller) -> None:
    with sync.engine.begin() as connection:
        connection.execute(
            text("""
            INSERT INTO interaction SELECT 'customer/' || m, 'callcenter', n, now() - n * interval '1 min', now(),
                gen_random_uuid(), 'contact.ended', 'a', 'd', ''
            FROM generate_series(1, 5) m, generate_series(1, 4000) n
            """)
        )
        connection.execute(text("ANALYZE interaction"))
        place = Place(datetime.now(UTC) - timedelta(hours=20), "callcenter", 9, "3")
        query, values = _query(place, Wanted()), _parameters(list("12345"), place, Wanted(), 51)
        plan = (
            connection.execute(text(f"EXPLAIN (ANALYZE, BUFFERS OFF, TIMING OFF) {query.text}"), values).scalars().all()
        )
    scans = [line for line in plan if " on interaction" in line]
    assert scans
    assert all("Index Scan" in line and "Backward" in line for line in scans), plan
    assert not any("Rows Removed by Filter" in line for line in plan), plan


def test_the_page_shows_the_other_members_and_how_to_decide(
    sync: Service, callcenter: Teller, signed_in: SignedIn
) -> None:
    ana, luis = two_names(sync, callcenter)
    page = signed_in(OLGA).get(f"/customers/{ana}", headers=HTML).text
    assert "Same customer as …" in page
    assert f'href="/customers/{luis}"' in page
    assert f"/customers/{ana}/join" in page
    assert f"/customers/{ana}/join" not in signed_in(ANNA).get(f"/customers/{ana}", headers=HTML).text
    assert "Luis Ortiz" in signed_in(ANNA).get("/suggestions", headers=HTML).text
    signed_in(OLGA).post(f"/customers/{ana}/join", json={"other": luis})
    work_out(sync)
    part = signed_in(OLGA).get(f"/customers/{ana}/same", headers=HTML).text
    assert f"/customers/{ana}/part" in part
    entries = signed_in(OLGA).get(f"/customers/{ana}", headers=HTML).text
    assert f"as {luis[-6:]}" in entries


def test_signs_of_life_are_in_nobody_s_timeline(sync: Service, callcenter: Teller) -> None:
    callcenter.tell(("service/callcenter", HeadsReported(heads={})))
    pass_all(sync, callcenter)
    with sync.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM interaction")).scalar_one() == 0
        assert connection.execute(text("SELECT source FROM heard_from")).scalars().all() == ["callcenter"]
