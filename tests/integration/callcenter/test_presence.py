"""Who is there is offered what waits, and nobody's call is lost because its agent left."""

from __future__ import annotations

from services.callcenter.desk import handlers
from services.callcenter.desk.rules import BEAT, GONE_AFTER
from tests.builders import done
from tests.integration.callcenter.center import CallCenter

HTML = {"accept": "text/html"}


def there(center: CallCenter, *agents: str) -> None:
    """These have a page open just now."""
    here = dict.fromkeys(agents, "")
    center.service.transact(center.service.itself, lambda work: handlers.hear(work, here))


def dock(center: CallCenter, agent: str) -> str:
    shown = center.get("/desk/waiting", agent, headers=HTML)
    assert shown.status_code == 200
    return shown.text


def at_queue(center: CallCenter, *agents: str) -> None:
    for agent in agents:
        done(center.post("/desk/queues", {"queues": ["billing"]}, agent))


def test_who_has_a_break_isnt_shown_the_queue(fresh: CallCenter) -> None:
    at_queue(fresh, "anna")
    fresh.ring(queue="billing", number="+1 555 010 0301")
    assert "+1 555 010 0301" in dock(fresh, "anna")
    done(fresh.post("/desk/state", {"state": "break", "reason": "meal"}, "anna"))
    assert "+1 555 010 0301" not in dock(fresh, "anna")
    assert "Break: meal" in dock(fresh, "anna")
    assert "+1 555 010 0301" not in fresh.get("/desk/current", "anna").text
    done(fresh.post("/desk/state", {"state": "available"}, "anna"))
    assert "+1 555 010 0301" in dock(fresh, "anna")


def test_a_call_to_an_agent_who_left_is_for_his_queue(fresh: CallCenter) -> None:
    at_queue(fresh, "anna", "bert")
    there(fresh, "anna", "bert")
    fresh.ring(queue="billing", agent="anna", number="+1 555 010 0302")
    assert "+1 555 010 0302" not in dock(fresh, "bert")
    # Anna closed her last page; Bert has one open.
    fresh.clock.now += GONE_AFTER + BEAT
    there(fresh, "bert")
    assert "+1 555 010 0302" in dock(fresh, "bert")
    there(fresh, "anna")
    assert "+1 555 010 0302" in dock(fresh, "anna")
    assert "+1 555 010 0302" not in dock(fresh, "bert")


def test_a_call_to_an_agent_on_a_break_is_his_and_his_queues(fresh: CallCenter) -> None:
    at_queue(fresh, "anna", "bert")
    done(fresh.post("/desk/state", {"state": "away"}, "anna"))
    fresh.ring(queue="billing", agent="anna", number="+1 555 010 0303")
    for agent in ("anna", "bert"):
        assert "+1 555 010 0303" in dock(fresh, agent)


def test_what_an_agent_says_is_checked_and_kept_once(fresh: CallCenter) -> None:
    assert fresh.post("/desk/state", {"state": "asleep"}).status_code == 422
    assert fresh.post("/desk/state", {"state": "away"}, "pbx", ("telephony",)).status_code == 403
    for minutes in (0, 5):
        fresh.clock.forward(minutes=minutes)
        done(fresh.post("/desk/state", {"state": "away", "reason": "meal"}))
    row = (
        "SELECT state || reason || (since = now_at) FROM (SELECT *, CAST(:at AS timestamptz) now_at FROM agent_state) s"
    )
    assert fresh.scalar(row, at=fresh.clock.now) == "awayfalse"
    audited = "SELECT count(*) FROM audit_entry WHERE detail::text LIKE '%away%'"
    assert fresh.scalar(audited) == 1


def test_the_review_offers_what_the_queue_usually_says_first(fresh: CallCenter) -> None:
    fresh.clock.forward(minutes=1)
    for reason, outcome in (("order", "solved"), ("fault", "call_back"), ("fault", "call_back")):
        rung = fresh.ring(queue="billing", number="+1 555 010 0304", agent="anna")
        done(fresh.post(f"/contacts/{rung['contact']}/answer"))
        done(fresh.post(f"/contacts/{rung['contact']}/wrap-up", {"reason": reason, "outcome": outcome}))
        fresh.clock.forward(minutes=1)
    rung = fresh.ring(queue="billing", number="+1 555 010 0304", agent="anna")
    done(fresh.post(f"/contacts/{rung['contact']}/answer"))
    for path in ("/desk/current", f"/contacts/{rung['contact']}"):
        shown = fresh.get(path, headers=HTML).text
        first = shown.index('name="reason"')
        assert 'value="fault" required data-digit="1" data-usual="call_back"' in shown[first : first + 90]
        assert 'value="order" required data-digit="2" data-usual="solved"' in shown
