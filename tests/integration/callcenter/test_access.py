"""Who may see and do what in the call center: field by field, record by record, whichever way one comes."""

from __future__ import annotations

import json
from dataclasses import dataclass

import httpx
import pytest

from shared.access.actions import Action, Reach
from shared.access.grants import Grant
from shared.events.marketing import SegmentEntered
from shared.events.sync import NoteAdded
from tests.builders import done, erased
from tests.integration.callcenter.center import CallCenter
from tests.integration.callcenter.test_insights import hear, link, marketing, sync, valued
from tests.roles import audited, have_role

HTML = {"accept": "text/html"}
HIDDEN = "hidden from your role"
SECRETS = ("5550100166", "555 010 0166", "Quimby", "quimby@", "prefers mornings", "sings", "told him")
"""What ``somebody`` has and ``half`` may not see."""


@dataclass(frozen=True)
class Somebody:
    """A customer with a contact and a case that anna worked on."""

    member: str
    contact: str
    case: str

    @property
    def paths(self) -> tuple[str, ...]:
        """Every way to look at it."""
        member = f"/customers/{self.member}"
        return member, f"{member}/card", f"{member}/insights", f"/contacts/{self.contact}", f"/cases/{self.case}"


def somebody(center: CallCenter, queue: str = "billing") -> Somebody:
    member = center.register(
        family_name="Quimby", phone="+1 555 010 0166", email="quimby@example.org", city="Rome", status="customer"
    )
    rung = center.ring(number="+1 555 010 0166", queue=queue)
    assert rung["customer"] == member
    done(center.post(f"/contacts/{rung['contact']}/answer"))
    review = {"reason": "billing", "outcome": "solved", "note": "prefers mornings"}
    done(center.post(f"/contacts/{rung['contact']}/wrap-up", review))
    opened = {"customer": member, "contact": rung["contact"], "reason": "fault", "subject": "sings out of tune"}
    case = done(center.post("/cases", opened), 201)["case"]
    hear(center, sync(member, NoteAdded(note="n1", text="told him so", device="d", number=1)))
    return Somebody(member, rung["contact"], case)


def half(center: CallCenter) -> tuple[str, ...]:
    """A role that sees everybody, and of them the given name and the city alone."""
    fields = ("given_name", "city")
    actions = (Action.CONTACT_READ, Action.CASE_READ, Action.DESK_USE, Action.FIELD_READ, Action.CONTACT_WORK)
    grants = (Grant(Action.CUSTOMER_READ, fields=fields), Grant(Action.CUSTOMER_EDIT, fields=("city",)))
    return (have_role(center.service, "half", *grants, *map(Grant, actions)),)


def within(center: CallCenter, reach: Reach) -> tuple[str, ...]:
    """A role of agents who work with some customers only."""
    actions = (Action.CUSTOMER_READ, Action.CUSTOMER_EDIT, Action.CONTACT_READ, Action.CONTACT_WORK)
    more = (Action.CASE_READ, Action.CASE_WORK)
    grants = (*(Grant(action, reach) for action in (*actions, *more)), Grant(Action.DESK_USE), Grant(Action.FIELD_READ))
    return (have_role(center.service, f"within-{reach}", *grants),)


def test_what_is_hidden_is_named_and_shown_nowhere(fresh: CallCenter) -> None:
    who, roles = somebody(fresh), half(fresh)
    shown = done(fresh.get(f"/customers/{who.member}", roles=roles))
    assert shown["values"] == {"given_name": "Ada", "city": "Rome"}
    assert shown["heads"].keys() == {"given_name", "city"}
    assert shown["masked"] == ["email", "family_name", "phone", "status"]
    contact, case = (done(fresh.get(path, roles=roles)) for path in who.paths[3:])
    assert (contact["address"], contact["note"], contact["masked"]) == (None, None, ["address", "note"])
    assert (case["subject"], case["masked"]) == (None, ["subject"])
    card = done(fresh.get(f"/customers/{who.member}/card", roles=roles))
    assert (card["relation"], {"relation", "phone"} <= set(card["masked"])) == (None, True)
    assert [entry["masked"] for entry in card["timeline"] if entry["kind"] in ("contact", "note")] == [["text"]] * 2
    for path in (*who.paths, "/cases"):
        for headers in ({}, HTML):
            answer = fresh.get(path, roles=roles, headers=headers)
            assert answer.status_code == 200, path
            assert not [secret for secret in SECRETS if secret in answer.text], path
            if "html" in answer.headers["content-type"]:
                assert HIDDEN in answer.text, path
                assert HIDDEN not in fresh.get(path, headers=headers).text, path


def test_the_parts_of_the_desk_that_refresh_hide_the_same(fresh: CallCenter) -> None:
    somebody(fresh)
    roles = half(fresh)
    rung = fresh.ring(number="+1 555 010 0166", agent="hal")
    for _ in range(2):
        for path in ("/", "/desk/waiting", "/desk/current"):
            page = fresh.get(path, "hal", roles).text
            assert not [secret for secret in SECRETS if secret in page], path
        assert any(HIDDEN in fresh.get(path, "hal", roles).text for path in ("/desk/waiting", "/desk/current"))
        fresh.post(f"/contacts/{rung['contact']}/answer", {}, "hal", roles)
    assert 'name="phone"' not in fresh.get("/desk/current", "hal", roles).text
    assert 'name="city"' in fresh.get("/desk/current", "hal", roles).text


@pytest.mark.parametrize(
    ("words", "body"),
    [
        ("555 010 0166", {"phone": "555 010 0166"}),
        ("quimby@example.org", {"email": "quimby@example.org"}),
        ("Quimby", {"name": "Quimby"}),
        ("Ada", {"name": "Ada"}),
    ],
)
def test_nobody_is_found_by_what_is_hidden(fresh: CallCenter, words: str, body: dict[str, str]) -> None:
    who, roles = somebody(fresh), half(fresh)
    assert [one["customer"] for one in fresh.post("/customers/search", body).json()] == [who.member]
    assert who.member in fresh.post("/desk/find", {"words": words}).text
    assert fresh.post("/customers/search", body, roles=roles).json() == []
    assert who.member not in fresh.post("/desk/find", {"words": words}, roles=roles).text


def test_who_sees_more_of_some_finds_only_these_by_it(fresh: CallCenter) -> None:
    who = somebody(fresh)
    done(fresh.post("/customers", {"changes": {"family_name": "Quimby", "phone": "+15550100167"}}, "bert"), 201)
    grants = (Grant(Action.CUSTOMER_READ, fields=("city",)), Grant(Action.CUSTOMER_READ, Reach.OWN))
    roles = (have_role(fresh.service, "more-of-mine", *grants),)
    assert len(fresh.post("/customers/search", {"name": "Quimby"}).json()) == 2
    found = fresh.post("/customers/search", {"name": "Quimby"}, "anna", roles).json()
    assert [(one["customer"], one["masked"]) for one in found] == [(who.member, [])]
    assert fresh.post("/customers/search", {"phone": "5550100167"}, "anna", roles).json() == []


def test_what_is_found_is_masked_too(fresh: CallCenter) -> None:
    who = somebody(fresh)
    names = ("given_name", "family_name", "company")
    roles = (have_role(fresh.service, "names", Grant(Action.CUSTOMER_READ, fields=names)),)
    (found,) = fresh.post("/customers/search", {"name": "Quimby"}, roles=roles).json()
    assert (found["customer"], found["phone"], found["email"]) == (who.member, "", "")
    assert found["masked"] == ["city", "email", "phone", "status"]
    page = fresh.post("/desk/find", {"words": "Quimby"}, roles=roles).text
    assert HIDDEN in page
    assert "0166" not in page


@pytest.mark.parametrize("reach", [Reach.OWN, Reach.TEAM])
def test_another_agents_customers_are_out_of_reach(fresh: CallCenter, reach: Reach) -> None:
    who, roles = somebody(fresh), within(fresh, reach)
    near, far = ("anna", ("billing",)), ("zoe", ("sales",))
    for path in (*who.paths, f"/cases?customer={who.member}"):
        for headers in ({}, HTML) if path in who.paths else ({},):
            assert fresh.get(path, near[0], roles, headers=headers, teams=near[1]).status_code == 200, path
            assert fresh.get(path, far[0], roles, headers=headers, teams=far[1]).status_code == 403, path
    assert fresh.get(f"/customers/{who.member}/live", far[0], roles, teams=far[1]).status_code == 403
    commands = {
        f"/customers/{who.member}/edit": {"changes": {"city": "Oslo"}},
        f"/cases/{who.case}/resolve": {},
        "/cases": {"customer": who.member, "reason": "fault", "subject": "x"},
        f"/contacts/{who.contact}/answer": {},
    }
    for path, body in commands.items():
        assert fresh.post(path, body, far[0], roles, teams=far[1]).status_code == 403, path
    refused = [entry for entry in audited(fresh.service, "zoe") if entry.outcome == "refused"]
    assert f"customer/{who.member}" in [subject for entry in refused for subject in entry.subjects]
    assert fresh.customer(who.member)["values"]["city"] == "Rome"
    done(fresh.post(f"/customers/{who.member}/edit", {"changes": {"city": "Oslo"}}, near[0], roles, teams=near[1]))


def test_lists_and_searches_are_full_of_what_is_within_reach(fresh: CallCenter) -> None:
    who, roles = somebody(fresh), within(fresh, Reach.OWN)
    for n in range(60):
        fresh.clock.forward(seconds=1)
        body = {"changes": {"family_name": "Quimby", "city": f"C{n}"}}
        member = done(fresh.post("/customers", body, "bert"), 201)["customer"]
        done(fresh.post("/cases", {"customer": member, "reason": "fault", "subject": "x"}, "bert"), 201)
    found = fresh.post("/customers/search", {"name": "Quimby"}, "anna", roles).json()
    assert [one["customer"] for one in found] == [who.member]
    assert [case["case"] for case in fresh.get("/cases?limit=1", "anna", roles).json()] == [who.case]
    assert len(fresh.post("/customers/search", {"name": "Quimby"}, "bert", roles).json()) == 50
    assert fresh.post("/customers/search", {"name": "Quimby"}, "zoe", roles).json() == []
    assert fresh.get("/cases", "zoe", roles).json() == []
    assert who.case not in fresh.get("/cases", "zoe", roles, headers=HTML).text


def test_what_is_offered_to_an_agent_is_its_own_until_another_answers(fresh: CallCenter) -> None:
    roles = within(fresh, Reach.OWN)
    rung = fresh.ring(agent="zoe", number="+1 555 010 0170")
    queued = fresh.ring(queue="sales", number="+1 555 010 0171")
    done(fresh.post("/desk/queues", {"queues": ["sales"]}, "zoe", roles))
    page = fresh.get("/desk/waiting", "zoe", roles).text
    assert rung["contact"] in page
    assert queued["contact"] not in page
    assert fresh.post(f"/contacts/{queued['contact']}/answer", {}, "zoe", roles).status_code == 403
    assert fresh.get(f"/customers/{rung['customer']}", "zoe", roles).status_code == 200
    done(fresh.post(f"/contacts/{rung['contact']}/answer", {}, "bert"))
    assert fresh.get(f"/customers/{rung['customer']}", "zoe", roles).status_code == 403


def test_members_elsewhere_are_left_out_of_a_card(fresh: CallCenter) -> None:
    who, roles = somebody(fresh), within(fresh, Reach.OWN)
    other = done(fresh.post("/customers", {"changes": {"given_name": "Eve"}}, "bert"), 201)["customer"]
    done(fresh.post("/cases", {"customer": other, "reason": "fault", "subject": "elsewhere"}, "bert"), 201)
    hear(fresh, marketing(who.member, valued(900)), marketing(who.member, SegmentEntered(segment="high_value")))
    hear(fresh, link(max(other, who.member), min(other, who.member)))
    whole = done(fresh.get(f"/customers/{who.member}/card"))
    assert (len(whole["members"]), whole["value"]["amount"], whole["masked"]) == (2, 900, [])
    part = done(fresh.get(f"/customers/{who.member}/card", roles=roles))
    assert (part["members"], part["value"], part["segments"]) == ([who.member], None, [])
    assert part["masked"] == ["value", "segments"]
    assert "elsewhere" not in str(part)


def test_only_granted_fields_are_changed_and_the_refused_are_named(fresh: CallCenter) -> None:
    who, roles = somebody(fresh), half(fresh)
    edit = f"/customers/{who.member}/edit"
    refused = fresh.post(edit, {"changes": {"city": "Oslo", "phone": "+15550100177", "notes": "x"}}, "hal", roles)
    assert refused.status_code == 403
    assert "notes, phone" in refused.json()["detail"]
    assert fresh.customer(who.member)["values"]["city"] == "Rome"
    assert done(fresh.post(edit, {"changes": {"city": "Oslo"}}, "hal", roles))["changed"] == ["city"]
    assert fresh.post("/customers", {"changes": {}}, "hal", roles).status_code == 403


def test_who_cant_see_a_field_isnt_told_whether_it_was_so(fresh: CallCenter) -> None:
    who = somebody(fresh)
    for city in ("Rome", "Rome", "Oslo"):
        changed = done(fresh.post(f"/customers/{who.member}/edit", {"changes": {"city": city}}, "ivy", ("importer",)))
        assert changed["changed"] == ["city"]


def test_a_file_fills_only_granted_fields(fresh: CallCenter) -> None:
    grants = (Grant(Action.CUSTOMER_IMPORT), Grant(Action.CUSTOMER_REGISTER))
    roles = (have_role(fresh.service, "filler", *grants, Grant(Action.CUSTOMER_EDIT, fields=("city",))),)
    columns = [{"column": "City", "field": "city"}]
    assert load(fresh, roles, columns).json()["created"] == 1
    refused = load(fresh, roles, [*columns, {"column": "Mail", "field": "email"}])
    assert (refused.status_code, "email" in refused.json()["detail"]) == (403, True)
    defines = load(fresh, ("filler", "importer"), [{"column": "Mail", "field": "custom.mail"}])
    assert defines.json()["defined"] == ["custom.mail"]
    assert load(fresh, ("agent",), columns).status_code == 403


def load(center: CallCenter, roles: tuple[str, ...], columns: list[dict[str, str]]) -> httpx.Response:
    """Read in a file of one row, of which these columns are mapped."""
    mapping = json.dumps({"origin": "old", "key": "ID", "columns": columns})
    files = {"file": ("c.csv", b"ID,City,Mail\n1,Rome,a@example.org\n")}
    return center.post("/customers/import", None, "ivy", roles, data={"mapping": mapping}, files=files)


def test_a_look_is_noted_once_and_so_is_each_change_with_what_was(fresh: CallCenter) -> None:
    who = somebody(fresh)
    for _ in range(3):
        for path in who.paths[:3]:
            fresh.get(path, "lea")
    (looked,) = audited(fresh.service, "lea")
    assert (looked.outcome, looked.action, looked.subjects) == ("looked", "customer.read", [f"customer/{who.member}"])
    fresh.get(f"/contacts/{who.contact}", "lea")
    assert [entry.action for entry in audited(fresh.service, "lea")] == ["customer.read", "contact.read"]
    done(fresh.post("/desk/queues", {"queues": ["sales"]}, "max"))
    done(fresh.post("/desk/queues", {"queues": ["billing"]}, "max"))
    done(fresh.post(f"/cases/{who.case}/resolve", {}, "max"))
    define = {"name": "custom.plan", "label": "Plan"}
    for label in ("Plan", "Contract"):
        done(fresh.post("/custom-fields", {**define, "label": label}, "max", ("supervisor",)))
    first, second, resolved, defined, again = audited(fresh.service, "max")
    assert first.detail["changes"][0]["former"] == {"queues": []}
    assert second.detail["changes"] == [
        {"subject": "agent/max", "queues": ["billing"], "former": {"queues": ["sales"]}}
    ]
    assert (resolved.action, resolved.detail["events"][0]["former"]) == ("case.work", {"state": "open"})
    assert "former" not in defined.detail["events"][0]
    assert again.detail["events"][0]["former"]["label"] == "Plan"


def test_the_log_says_on_account_of_which_contact_or_case(fresh: CallCenter) -> None:
    rung = fresh.ring(agent="anna")
    contact, member = rung["contact"], rung["customer"]
    done(fresh.post(f"/contacts/{contact}/answer"))
    fresh.get("/desk/current", headers={"accept": "text/html"})
    opened = done(
        fresh.post("/cases", {"customer": member, "reason": "fault", "subject": "line", "contact": contact}), 201
    )
    fresh.get(f"/cases/{opened['case']}")
    page = fresh.get(f"/contacts/{contact}", headers={"accept": "text/html"}).text
    assert f'href="/customers/{member}?why=contact/{contact}"' in page
    fresh.get(f"/customers/{member}", headers={"crm-why": f"case/{opened['case']}"})
    assert [(entry.action, entry.why) for entry in audited(fresh.service, "anna")] == [
        ("contact.work", f"contact/{contact}"),
        ("desk.use", f"contact/{contact}"),
        ("case.work", f"contact/{contact}"),
        ("case.read", f"case/{opened['case']}"),
        ("contact.read", f"contact/{contact}"),
        ("customer.read", f"case/{opened['case']}"),
    ]


def test_what_the_log_keeps_outlives_a_person_and_names_none(fresh: CallCenter) -> None:
    who = somebody(fresh)
    for path in who.paths:
        fresh.get(path, "lea")
    fresh.get(f"/customers/{who.member}", "zoe", within(fresh, Reach.OWN))
    erased(fresh.post, who.member, "supervisor")
    kept = str(fresh.scalar("SELECT json_agg(e)::text FROM audit_entry e"))
    assert who.member in kept
    assert not [secret for secret in (*SECRETS, "Rome", "Ada") if secret in kept]


def test_nobody_may_do_anything_without_a_grant(fresh: CallCenter) -> None:
    who = somebody(fresh)
    reads = (*who.paths, "/cases", "/custom-fields", "/choices/reason", "/outages", "/", "/desk/waiting", "/live")
    for path in (*reads, "/supervisor", "/supervisor/live"):
        assert fresh.get(path, "nil", ("nobody",), headers=HTML).status_code == 403, path
    for path in ("/supervisor", "/supervisor/windows", "/supervisor/outages", "/supervisor/live"):
        assert fresh.get(path, "anna").status_code == 403, path
