"""Two people forget a customer, every service and device answers, and a certificate names each place and time."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import OKPKey
from sqlalchemy import text

from services.sync.devices.erasure import AGAIN
from shared.administration.erasures import log
from shared.administration.erasures.certificate import NotGenuine, Signing, verify
from shared.events.envelope import new_id
from shared.pipeline import forgetting
from shared.pipeline.rebuild import rebuild
from shared.pipeline.subscriptions import Subscriptions
from tests.builders import erased
from tests.circle.steps import CERTIFICATE_KEY, Stepped, Steps
from tests.circle.test_circle import circle as circle
from tests.circle.test_circle import customer, device
from tests.circle.test_leaving import leave

SUPERVISOR = "supervisor"
ALL = ["callcenter", "marketing", "sfa", "sync"]


@pytest.fixture(autouse=True)
def no_wrapped_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The topics of keys as they are once they are compacted; test_erasure reads real ones."""
    monkeypatch.setattr(log, "held", lambda kafka, source, members: dict.fromkeys(members, 0))


def erase(circle: Steps, member: str) -> str:
    """Two supervisors of the call center erase a customer; gives the erasure."""
    desk = circle["callcenter"]
    return erased(lambda path, body, who, roles: desk.client(who, *roles).post(path, json=body), member, SUPERVISOR)


def settled(circle: Steps) -> None:
    """Every service has said that it is there, all is heard, and devices were asked after."""
    for each in circle.joined.values():
        each.report()
    circle.settle()
    circle.clock.forward(seconds=AGAIN.total_seconds() + 1)
    circle.settle()
    for each in circle.joined.values():
        log.look(each.service)
    circle.clock.forward(seconds=1)


def report(of: Stepped, erasure: str) -> Any:
    return of.get(f"/erasures/{erasure}", "sofia", SUPERVISOR)["report"]


def answered(found: Any) -> dict[str, set[str]]:
    """Service -> places that it named."""
    return {one["service"]: {place["place"] for place in one["places"]} for one in found["answers"]}


def test_every_service_says_where_it_forgot_and_the_certificate_is_complete(circle: Steps, tmp_path: Path) -> None:
    member = customer(circle)
    desk = circle["callcenter"].client("sofia", SUPERVISOR)
    file = desk.get("/customers/export")
    assert member in file.text
    erasure = erase(circle, member)
    open_yet = report(circle["callcenter"], erasure)
    assert not open_yet["complete"]
    settled(circle)
    found = report(circle["callcenter"], erasure)
    assert (found["open"], found["complete"]) == ([], True)
    assert found["asked"] == ALL
    assert answered(found) == {
        name: set(of) - {""}
        for name, of in {
            "callcenter": {"records", "keys", "contacts", "cases", "imports", "notes"},
            "marketing": {"records", "keys"},
            "sfa": {"records", "keys"},
            "sync": {"records", "keys", "identifiers", "notes", "mutations", "feed", "devices"},
        }.items()
    }
    rows = {one["service"]: {place["place"]: place["rows"] for place in one["places"]} for one in found["answers"]}
    assert all(rows[name]["records"] > 0 for name in ALL), rows
    assert rows["sync"]["identifiers"] > 0
    exported = [(one["export"], one["service"], one["by"]) for one in found["exports"]]
    assert exported == [(file.headers["crm-export"], "callcenter", "sofia")]
    # Every service can say so of what was decided at it, and only of that.
    assert circle["sfa"].client("samuel", "sales_manager").get(f"/erasures/{erasure}").status_code == 404

    signed = circle["callcenter"].client("sofia", SUPERVISOR).get(f"/erasures/{erasure}/certificate").text
    keys = circle["callcenter"].client("nobody").get("/certificates/keys").json()
    assert "d" not in keys["keys"][0]
    certified = verify(signed, keys)
    assert (certified.complete, certified.members, certified.consented_by) == (True, (member,), "petra")
    head, payload, signature = signed.split(".")
    with pytest.raises(NotGenuine):
        verify(f"{head}.{payload[:-4]}AAAA.{signature}", keys)
    other = json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True))
    with pytest.raises(NotGenuine):
        verify(signed, Signing(other).keys())
    assert Signing(CERTIFICATE_KEY).keys() == keys


def test_a_device_has_forgotten_once_it_has_read_past_it(circle: Steps) -> None:
    member = customer(circle)
    handheld = device(circle)
    handheld.note(member, "Wants a second line")
    handheld.synchronize()
    circle.settle()
    erasure = erase(circle, member)
    settled(circle)
    found = report(circle["callcenter"], erasure)
    assert [(one["device"], one["forgotten"]) for one in found["devices"]] == [(handheld.id, None)]
    assert found["open"] == [f"device {handheld.id} hasn't confirmed {member}"]
    handheld.pull()
    # It said at the beginning of the pull where it stood before it; the next one says that it is beyond.
    settled(circle)
    assert report(circle["callcenter"], erasure)["devices"][0]["forgotten"] is None
    handheld.pull()
    settled(circle)
    found = report(circle["callcenter"], erasure)
    assert found["devices"][0]["forgotten"]
    assert found["complete"]


def test_a_device_that_only_read_a_part_may_have_the_customer(circle: Steps) -> None:
    member = customer(circle)
    handheld = device(circle)
    circle["callcenter"].post(f"/customers/{member}/edit", {"changes": {"city": "Rome"}}, "anna", "agent")
    circle.settle()
    # All that it says is that it has nothing yet; the answer to that had the customer.
    with circle["sync"].service.engine.begin() as connection:
        connection.execute(text("UPDATE device_scope SET pos = 0"))
    erasure = erase(circle, member)
    settled(circle)
    assert [one["device"] for one in report(circle["callcenter"], erasure)["devices"]] == [handheld.id]


def test_a_revoked_device_stays_open_and_a_scope_that_was_dropped_counts_at_the_next_contact(circle: Steps) -> None:
    member = customer(circle)
    lost, kept = device(circle), device(circle)
    circle["sync"].post(f"/devices/{lost.id}/revoke", {"reason": "lost"}, "omar", "operator")
    erasure = erase(circle, member)
    circle["sfa"].post("/territories", {"territory": "south", "name": "South"}, "samuel", "sales_manager")
    circle["sfa"].post("/territories/south/reps", {"rep": "rosa"}, "samuel", "sales_manager")
    circle["sfa"].post("/territories/north/reps/withdraw", {"rep": "rosa"}, "samuel", "sales_manager")
    settled(circle)
    for _ in range(2):
        kept.pull()
        settled(circle)
    found = {one["device"]: one["forgotten"] for one in report(circle["callcenter"], erasure)["devices"]}
    assert found[kept.id]
    assert found[lost.id] is None
    assert report(circle["callcenter"], erasure)["open"] == [f"device {lost.id} hasn't confirmed {member}"]


def test_a_service_that_left_is_named_and_nothing_is_complete_by_itself(circle: Steps) -> None:
    member = customer(circle)
    settled(circle)
    leave(circle, "marketing")
    erasure = erase(circle, member)
    settled(circle)
    found = report(circle["callcenter"], erasure)
    assert "marketing" in found["left"]
    assert "marketing" not in found["asked"]
    assert found["open"] == ["marketing left, and its database wasn't reached"]


def test_a_rebuild_doesn_t_answer_again(circle: Steps) -> None:
    member = customer(circle)
    erasure = erase(circle, member)
    settled(circle)
    before = report(circle["callcenter"], erasure)
    heads = {name: head(circle[name], member) for name in ALL}
    for name in ("sync", "marketing"):
        of = circle[name]
        slices = of.block.subscriptions(of.settings).slices
        of.service.transact(of.service.itself, lambda work, s=slices: rebuild(work, "main", s))  # type: ignore[misc]
        of.assigned = set()
    settled(circle)
    assert report(circle["callcenter"], erasure)["answers"] == before["answers"]
    assert {name: head(circle[name], member) for name in ALL} == heads


def head(of: Stepped, member: str) -> object:
    """How many events the service has published of the member."""
    query = "SELECT coalesce(max(sequence), 0) FROM stream_head WHERE stream = :stream"
    return of.scalar(query, stream=f"customer/{member}")


def test_who_joins_late_answers_of_the_past(platform: Steps) -> None:
    for name in ("callcenter", "sync"):
        platform.join(name)
    fields = {"given_name": "Ana", "phone": "+1 212 555 0101"}
    member = str(platform["callcenter"].post("/customers", {"changes": fields}, "anna", "agent")["customer"])
    platform.settle()
    erasure = erase(platform, member)
    settled(platform)
    assert report(platform["callcenter"], erasure)["complete"]
    platform.join("marketing")
    settled(platform)
    found = report(platform["callcenter"], erasure)
    assert (found["complete"], found["asked"]) == (True, ["callcenter", "marketing", "sync"])


def test_the_topic_of_keys_alone_is_enough_to_forget(circle: Steps) -> None:
    """As after a restore: what the consumer would hear isn't heard yet, and nobody is shown anything before."""
    member = customer(circle)
    sfa = circle["sfa"]
    erase(circle, member)
    circle["callcenter"].send()
    assert sfa.get(f"/customers/{member}", "samuel", "sales_manager")["values"]
    heard: Subscriptions = sfa.block.subscriptions(sfa.settings)
    forgetting.forget_first(sfa.service, heard.sources, sfa.block.tasks(sfa.settings))
    assert sfa.get(f"/customers/{member}", "samuel", "sales_manager")["values"] == {}
    assert sfa.scalar("SELECT count(*) FROM claim WHERE member = :m", m=member) == 0
    circle.settle()
    assert sfa.scalar("SELECT count(*) FROM forgotten WHERE member = :m", m=member) == 2


def test_consent_is_for_who_was_seen_and_by_another_person(circle: Steps) -> None:
    desk = circle["callcenter"]
    member = customer(circle)
    mate = customer(circle, given_name="Anne")
    elsewhere = new_id()
    id = desk.post("/erasures", {"customer": member}, "paul", SUPERVISOR)["erasure"]
    members = desk.get(f"/erasures/{id}", "petra", SUPERVISOR)["erasure"]["members"]

    def status(path: str, who: str, *roles: str) -> int:
        return int(desk.client(who, *roles).post(path, json={}).status_code)

    assert status(f"/erasures/{id}/consent", "paul", SUPERVISOR) == 403
    assert status(f"/erasures/{id}/consent", "anna", "agent") == 403
    assert status(f"/erasures/{id}/consent", "loader", "importer") == 403
    assert status(f"/erasures/{id}/consent", "adam", "administrator") == 200 or mate in members
    # Somebody turns out to be the same customer, whom this service never met.
    id = desk.post("/erasures", {"customer": mate}, "paul", SUPERVISOR)["erasure"] if mate not in members else id
    with desk.service.engine.begin() as connection:
        row = {"member": elsewhere, "cluster": mate}
        connection.execute(text("INSERT INTO customer_cluster (member, cluster) VALUES (:member, :cluster)"), row)
    assert status(f"/erasures/{id}/consent", "petra", SUPERVISOR) == 409
    assert status(f"/erasures/{id}/withdraw", "petra", SUPERVISOR) == 200
    assert status(f"/erasures/{id}/consent", "petra", SUPERVISOR) == 409
    id = erase(circle, mate)
    assert elsewhere in desk.get(f"/erasures/{id}", "petra", SUPERVISOR)["erasure"]["members"]
    settled(circle)
    assert gone(circle["marketing"], [elsewhere, mate])


def gone(of: Stepped, members: Iterable[str]) -> bool:
    return all(of.scalar("SELECT count(*) FROM erased_member WHERE member = :m", m=m) == 1 for m in members)


def test_a_report_is_plain_where_there_is_no_key(circle: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Signing, "is_possible", False)
    erasure = erase(circle, customer(circle))
    found = circle["callcenter"].get(f"/erasures/{erasure}/certificate", "sofia", SUPERVISOR)
    assert (found["signed"], found["report"]["erasure"]) == (False, erasure)
    assert "CRM_CERTIFICATE_KEY" in found["why"]
    assert Signing("").keys() == {"keys": []}
    html = {"accept": "text/html"}
    desk = circle["callcenter"].client("sofia", SUPERVISOR)
    assert "this report isn't signed" in desk.get(f"/erasures/{erasure}", headers=html).text
    spanish = desk.get("/erasures", headers=html | {"accept-language": "es"}).text
    assert "Borrados" in spanish
