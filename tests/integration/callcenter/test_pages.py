"""Pages for people: who may see them, in which language, and that nothing in them runs what a customer wrote."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest

from shared.events.envelope import new_id
from tests.builders import done
from tests.integration.callcenter.center import CallCenter

HTML = {"accept": "text/html,application/xhtml+xml"}
SPANISH = {**HTML, "accept-language": "es-MX,es;q=0.9,en;q=0.5"}
SUPERVISOR = ("supervisor",)


@pytest.fixture(scope="module")
def paths(center: CallCenter) -> dict[str, str]:
    """Every page with something on it, by its template."""
    hostile = "<script>alert(1)</script>"
    member = center.register(given_name=hostile, phone="+1 555 010 0190", products=["line"], notes=hostile)
    rung = center.ring(number="+1 555 010 0190", queue="billing")
    talking = center.ring(number="+1 555 010 0190", queue="sales", agent="anna")
    done(center.post(f"/contacts/{talking['contact']}/answer"))
    case = {"customer": member, "contact": rung["contact"], "reason": "fault", "subject": hostile}
    opened = done(center.post("/cases", case), 201)["case"]
    done(center.post("/desk/queues", {"queues": ["billing"]}))
    return {
        "desk": "/",
        "waiting": "/desk/waiting",
        "current": "/desk/current",
        "customer": f"/customers/{member}",
        "contact": f"/contacts/{rung['contact']}",
        "case": f"/cases/{opened}",
        "cases": "/cases",
    }


@pytest.mark.parametrize("page", ["desk", "waiting", "current", "customer", "contact", "case", "cases"])
def test_a_page_is_shown_without_running_what_a_customer_wrote(
    center: CallCenter, paths: dict[str, str], page: str
) -> None:
    shown = center.get(paths[page], headers=HTML, roles=SUPERVISOR)
    assert shown.status_code == 200
    assert shown.headers["content-type"].startswith("text/html")
    assert "<script>alert" not in shown.text
    assert "&lt;script&gt;" in shown.text
    assert shown.headers["content-security-policy"].startswith("default-src 'self'")
    assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|style=", shown.text)


@pytest.mark.parametrize("page", ["desk", "customer", "contact", "case", "cases"])
def test_a_page_is_in_the_readers_language(center: CallCenter, paths: dict[str, str], page: str) -> None:
    english = center.get(paths[page], headers=HTML).text
    spanish = center.get(paths[page], headers=SPANISH).text
    assert '<html lang="en">' in english
    assert "Call center" in english
    assert '<html lang="es">' in spanish
    assert "Centro de atención" in spanish
    assert "Sign out" not in spanish


def test_what_a_page_refuses_is_told_in_the_readers_language(center: CallCenter) -> None:
    nowhere = f"/cases/{new_id()}"
    english, spanish = center.get(nowhere, headers=HTML), center.get(nowhere, headers=SPANISH)
    assert "there is no such case" in english.text
    assert spanish.status_code == 404
    assert spanish.headers["content-language"] == "es"
    assert "no existe ese caso" in spanish.text
    assert 'lang="en"' not in re.sub(r"<button[^>]*data-language.*", "", spanish.text)
    denied = center.get("/audit", headers=SPANISH, roles=("agent",))
    assert "esto requiere audit.read, que los roles de" in denied.text


@pytest.mark.parametrize("page", ["desk", "waiting", "customer", "contact", "case", "cases"])
def test_pages_are_for_the_desk_only(center: CallCenter, paths: dict[str, str], page: str) -> None:
    assert center.get(paths[page], headers=HTML, roles=("telephony",)).status_code == 403
    stranger = center.client.get(paths[page], headers=HTML)
    wanted = urlencode({"return": paths[page]})
    assert stranger.status_code == 303
    assert stranger.headers["location"] in ("/sign-in", f"/sign-in?{wanted}")


def test_who_doesnt_ask_for_html_gets_json_at_the_same_path(center: CallCenter, paths: dict[str, str]) -> None:
    assert done(center.get(paths["customer"]))["values"]["products"] == ["line"]
    assert center.get(paths["cases"]).headers["content-type"] == "application/json"


def test_static_files_are_there_for_anybody_and_nothing_else_is(center: CallCenter) -> None:
    for name in ("page.css", "page.js", "icon.svg", "icons.svg"):
        assert center.client.get(f"/static/{name}").status_code == 200
    assert center.client.get("/static/pages.py").status_code == 404
    assert center.client.get("/static/..%2Fpages.py").status_code == 404


def test_customers_are_found_by_one_box(center: CallCenter, paths: dict[str, str]) -> None:
    for words in ("555.010.0190", "script"):
        shown = center.post("/desk/find", {"words": words})
        assert paths["customer"] in shown.text
    assert "Nobody was found." in center.post("/desk/find", {"words": "nobody at all"}).text


def test_the_page_follows_the_contact(center: CallCenter) -> None:
    rung = center.ring(agent="clara", queue="sales", number="+1 555 010 0191")
    assert "+1 555 010 0191" in center.get("/desk/waiting", actor="clara").text
    assert "+1 555 010 0191" not in center.get("/desk/waiting", actor="dora").text
    assert "wrap-up" not in center.get("/desk/current", actor="clara").text
    done(center.post(f"/contacts/{rung['contact']}/answer", actor="clara"))
    assert "Nobody is waiting." in center.get("/desk/waiting", actor="clara").text
    assert f"/contacts/{rung['contact']}/wrap-up" in center.get("/desk/current", actor="clara").text
    review = {"reason": "other", "outcome": "wrong_number"}
    done(center.post(f"/contacts/{rung['contact']}/wrap-up", review, actor="clara"))
    assert "wrap-up" not in center.get("/desk/current", actor="clara").text


def test_queues_are_chosen_from_those_there_are(center: CallCenter) -> None:
    assert done(center.post("/desk/queues", {"queues": ["sales", "general"]}, actor="dora"))["queues"] == [
        "general",
        "sales",
    ]
    assert center.post("/desk/queues", {"queues": ["nonsense"]}, actor="dora").status_code == 422
    center.ring(queue="sales", number="+1 555 010 0192")
    assert "+1 555 010 0192" in center.get("/desk/waiting", actor="dora").text
    center.ring(queue="a-new-one", number="+1 555 010 0193")
    assert "a-new-one" in [choice["code"] for choice in center.get("/choices/queue").json()]
