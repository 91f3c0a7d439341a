"""The call center's reasons, outcomes, queues, states and fields are data that it changes itself."""

from __future__ import annotations

from typing import Any

from shared.pipeline import vocabulary
from shared.pipeline.tasks import Item
from shared.pipeline.work import Work
from tests.builders import NOON, done
from tests.integration.callcenter.center import CallCenter

SUPERVISOR = ("supervisor",)
HTML = {"accept": "text/html"}


def define(center: CallCenter, kind: str, code: str, label: str, **more: Any) -> None:
    done(center.post("/definitions", {"kind": kind, "code": code, "label": label, **more}, "sue", SUPERVISOR))


def turn(center: CallCenter, how: str, kind: str, code: str) -> Any:
    return center.post(f"/definitions/{kind}/{code}/{how}", {}, "sue", SUPERVISOR)


def answered(center: CallCenter) -> str:
    contact = str(center.ring()["contact"])
    done(center.post(f"/contacts/{contact}/answer"))
    return contact


def review(center: CallCenter, contact: str, **more: Any) -> Any:
    return center.post(f"/contacts/{contact}/wrap-up", {"reason": "fault", "outcome": "solved", **more})


def test_a_review_takes_what_is_defined_and_refuses_what_is_retired(fresh: CallCenter) -> None:
    center = fresh
    contact = answered(center)
    assert review(center, contact, reason="moving").status_code == 422
    define(center, "reason", "moving", "Moving house", label_es="Mudanza")
    define(center, "contact_field", "invoice", "Invoice", form="text")
    assert turn(center, "retire", "reason", "fault").status_code == 200
    page = center.get(f"/contacts/{contact}", headers=HTML).text
    assert [word for word in ("Moving house", "Invoice") if word not in page] == []
    assert "Fault or repair" not in page
    assert review(center, contact).status_code == 422
    assert review(center, contact, reason="moving", custom={"invoices": "1"}).status_code == 422
    done(review(center, contact, reason="moving", custom={"invoice": " 12 "}))
    assert done(center.get(f"/contacts/{contact}"))["custom"] == {"invoice": "12"}
    (fact,) = center.facts("contact.wrapped_up")
    assert (fact.reason, fact.custom) == ("moving", {"invoice": "12"})
    for kind, code in (("reason", "moving"), ("contact_field", "invoice")):
        done(turn(center, "retire", kind, code))
    page = center.get(f"/contacts/{contact}", headers={**HTML, "accept-language": "es"}).text
    assert [word for word in ("Mudanza", "Invoice", "12") if word not in page] == []
    assert "moving" not in [one["code"] for one in center.get("/choices/reason").json()]


def test_the_last_that_can_be_chosen_stays(fresh: CallCenter) -> None:
    codes = [one["code"] for one in fresh.get("/choices/outcome").json()]
    answers = [turn(fresh, "retire", "outcome", code) for code in codes]
    assert [answer.status_code for answer in answers] == [200] * (len(codes) - 1) + [422]
    assert "define another one first" in answers[-1].text


def test_a_case_has_fields_and_a_state_of_the_department_s(fresh: CallCenter) -> None:
    center, member = fresh, fresh.register()
    define(center, "case_field", "floor", "Floor", form="number")
    define(center, "case_state", "parts", "Waits for parts", category="open")
    opened = {"customer": member, "reason": "fault", "subject": "No line", "custom": {"floor": "3.0"}}
    case = str(done(center.post("/cases", opened), 201)["case"])
    step = f"/cases/{case}/step"
    assert center.post(step, {"step": "nowhere"}).status_code == 409
    center.clock.forward(minutes=2)
    assert done(center.post(step, {"step": "parts"}))["step"] == "parts"
    done(center.post(step, {"step": "parts"}))
    page = center.get(f"/cases/{case}", headers=HTML).text
    assert [word for word in ("Waits for parts", "Floor") if word not in page] == []
    solved = done(center.post(f"/cases/{case}/resolve", {"solution": "restarted"}))
    # The clock looks at the platform's state alone.
    assert (solved["seconds_to_solution"], solved["immediate"]) == (120.0, True)
    assert center.post(step, {"step": ""}).status_code == 409
    shown = done(center.get(f"/cases/{case}"))
    assert (shown["state"], shown["custom"]) == ("resolved", {"floor": "3"})
    assert [fact.step for fact in center.facts("case.moved")] == ["parts"]


def test_what_a_case_holds_is_written_anew(fresh: CallCenter) -> None:
    center, member = fresh, fresh.register()
    for code, form in (("floor", "number"), ("gate", "text"), ("old", "text")):
        define(center, "case_field", code, code.title(), form=form)
    opened = {"customer": member, "reason": "fault", "subject": "No line", "custom": {"floor": "3", "old": "x"}}
    case = str(done(center.post("/cases", opened), 201)["case"])
    done(turn(center, "retire", "case_field", "old"))
    describe = f"/cases/{case}/describe"
    page = center.get(f"/cases/{case}", headers=HTML).text
    assert all(f'name="{code}"' in page for code in ("floor", "gate"))
    assert 'name="old"' not in page
    for _ in range(2):
        done(center.post(describe, {"custom": {"floor": "4.0", "gate": " B 2 "}}))
    done(center.post(describe, {"custom": {"floor": "", "old": ""}}))
    assert done(center.get(f"/cases/{case}"))["custom"] == {"gate": "B 2"}
    said = [fact.custom for fact in center.facts("case.described")]
    assert said == [{"floor": "4", "gate": "B 2"}, {"floor": "", "old": ""}]
    for custom in ({"floor": "high"}, {"old": "y"}, {"nothing": "z"}):
        assert center.post(describe, {"custom": custom}).status_code == 422, custom
    assert center.post(describe, {"custom": {"gate": "C"}}, "tina", ("telephony",)).status_code in (200, 403)
    # What is solved can be put right, too.
    done(center.post(f"/cases/{case}/resolve", {}))
    done(center.post(describe, {"custom": {"floor": "5"}}))
    assert done(center.get(f"/cases/{case}"))["custom"]["floor"] == "5"


def test_a_queue_that_the_telephone_system_names_is_defined_and_said_once(fresh: CallCenter) -> None:
    center = fresh
    for number in ("1", "2"):
        center.ring(call=f"new-{number}", queue="night-shift")
    assert "night-shift" in [one["code"] for one in center.get("/choices/queue").json()]
    due = "SELECT count(*) FROM due WHERE task = 'definitions'"
    assert center.scalar(due) == 1

    def say(work: Work) -> None:
        vocabulary.task().run(work, [Item("queue/night-shift", NOON, history=False)])

    for _ in range(2):
        center.service.transact(center.service.itself, say)
    said = [fact for fact in center.facts("definition.made") if fact.code == "night-shift"]
    assert [(fact.kind, fact.labels) for fact in said] == [("queue", {"en": "night-shift"})]
    # What came with the platform is said, too, and what the department says of it later holds.
    assert {"fault", "solved", "general"} <= {fact.code for fact in center.facts("definition.made")}
    define(center, "reason", "fault", "Something is broken")
    assert center.get("/choices/reason").json()[0]["en"] == "Something is broken"


def test_a_retired_queue_is_left_by_who_is_in_it(fresh: CallCenter) -> None:
    center = fresh
    queues = {"queues": ["general", "sales"]}
    done(center.post("/desk/queues", queues))
    done(turn(center, "retire", "queue", "sales"))
    done(center.post("/desk/queues", queues))
    assert center.post("/desk/queues", queues, "bert").status_code == 422
    # A call for it is a call all the same.
    assert center.ring(queue="sales")["state"] == "offered"


FILE = "ID,given name,Piso,custom.plan,Something\n1,Ada,3,gold,x\n2,Bo,,silver,y\n"


def test_a_file_is_read_by_what_fields_are_called(fresh: CallCenter) -> None:
    center = fresh
    define(center, "customer_field", "floor", "Floor", label_es="Piso", form="number")
    define(center, "customer_field", "plan", "Plan", form="choice", choices=["gold", "silver"])
    mapping: dict[str, Any] = {"origin": "old-crm", "key": "ID"}
    loaded = done(center.load(FILE, mapping))
    assert (loaded["created"], loaded["bad"]) == (2, 0)
    member = center.post("/customers/search", {"name": "Ada"}).json()[0]["customer"]
    values = center.customer(member)["values"]
    assert values == {"given_name": "Ada", "custom.floor": "3", "custom.plan": "gold"}
    by_label = {**mapping, "columns": [{"column": "Something", "field": " fLoor"}]}
    assert "number" in done(center.load(FILE, by_label))["bad_lines"][0]["reason"]
    unknown = {**mapping, "columns": [{"column": "Something", "field": "Storey"}]}
    assert center.load(FILE, unknown).status_code == 422
    done(turn(center, "retire", "customer_field", "floor"))
    named = {**mapping, "columns": [{"column": "Piso", "field": "custom.floor"}]}
    refused = center.load(FILE, named)
    assert refused.status_code == 422
    assert "retired" in refused.text
    assert done(center.load(FILE.replace("gold", "silver"), mapping))["changed"] == 1
    assert center.customer(member)["values"]["custom.floor"] == "3"


def test_what_one_says_over_the_older_way_keeps_the_rest(fresh: CallCenter) -> None:
    center = fresh
    define(center, "customer_field", "plan", "Plan", label_es="Tarifa", form="text", place=7)
    done(turn(center, "retire", "customer_field", "plan"))
    body = {"name": "custom.plan", "label": "Price plan"}
    done(center.post("/custom-fields", body, "sue", SUPERVISOR))
    (one,) = center.get("/definitions?kind=customer_field").json()
    assert one["labels"] == {"en": "Price plan", "es": "Tarifa"}
    assert (one["place"], one["retired"], one["department"]) == (7, True, "callcenter")
