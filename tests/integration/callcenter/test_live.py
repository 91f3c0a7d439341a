"""Open pages hear of what concerns them, whichever process committed it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
import uvicorn
from sqlalchemy import text

from services.callcenter import wiring
from shared.access.actions import Action, Reach
from shared.access.grants import Grant
from shared.edge import live
from shared.edge.live import Live, Subscription, topic
from shared.pipeline.service import Service
from tests.builders import done
from tests.integration.callcenter.center import CallCenter
from tests.probe import until
from tests.roles import have_role

PATIENCE = 30.0
END_LISTENERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE query LIKE 'LISTEN%' AND datname = current_database()
"""


@pytest.fixture
def address(fresh: CallCenter, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The call center behind a real server, whose pages don't look by themselves during the test."""
    monkeypatch.setattr(live, "CHECK_SECONDS", 10 * PATIENCE)
    app = wiring.app(fresh.settings, Service.of(fresh.settings, process="page", clock=fresh.clock))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    with socket.create_server(("127.0.0.1", 0)) as listening_socket:
        thread = threading.Thread(target=server.run, args=([listening_socket],))
        thread.start()
        # Whoever connects before the server is ready waits for it.
        yield f"http://127.0.0.1:{listening_socket.getsockname()[1]}"
        server.should_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_an_agents_page_is_told_of_a_contact_in_a_chosen_queue(fresh: CallCenter, address: str) -> None:
    done(fresh.post("/desk/queues", {"queues": ["billing"]}))
    headers = {"authorization": f"Bearer {fresh.issuer.token('anna', 'agent')}"}
    with httpx.stream("GET", f"{address}/live", headers=headers, timeout=PATIENCE) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = (line for line in stream.iter_lines() if line.startswith("event: changed"))
        next(lines)
        fresh.ring(queue="billing", number="+1 555 010 0101")
        next(lines)
        fresh.ring(agent="anna", queue="sales", number="+1 555 010 0102")
        next(lines)
    waiting = fresh.get("/desk/waiting").text
    assert "+1 555 010 0101" in waiting
    assert "+1 555 010 0102" in waiting


def test_a_call_comes_with_what_is_told_of_it(fresh: CallCenter, address: str) -> None:
    member = fresh.register(given_name="Ida", phone="+1 555 010 0104", city="Lund")
    headers = {"authorization": f"Bearer {fresh.issuer.token('anna', 'agent')}"}
    with httpx.stream("GET", f"{address}/live?current=true", headers=headers, timeout=PATIENCE) as stream:
        lines = stream.iter_lines()
        told(lines)
        rung = fresh.ring(agent="anna", number="+1 555 010 0104")
        rings = told(lines)
        assert "Ida" in rings["waiting"]
        assert "Lund" not in rings["current"]
        done(fresh.post(f"/contacts/{rung['contact']}/answer"))
        answered = told(lines)
        assert f"/contacts/{rung['contact']}/answer" not in answered["waiting"]
        assert "Lund" in answered["current"]
        # Of the customer who talks everything is told.
        done(fresh.post(f"/customers/{member}/edit", {"changes": {"city": "Oslo"}}, "bert"))
        assert "Oslo" in told(lines)["current"]
    looked = "SELECT count(*) FROM audit_entry WHERE actor = 'anna' AND outcome = 'looked' AND :of = ANY (subjects)"
    assert fresh.scalar(looked, of=f"customer/{member}") >= 1


def test_a_call_is_told_to_those_alone_who_are_shown_it(fresh: CallCenter) -> None:
    async def scenario() -> None:
        async with listening(fresh) as heard, heard.subscribed([topic("queue", "billing"), "the/end"]) as colleagues:
            for queue_is_told, agent, state in ((False, "anna", "available"), (True, "anna", "away"), (True, None, "")):
                await asyncio.to_thread(rings_and_is_given_up, fresh, agent, state)
                fresh.service.wakeup.signal(["the/end"])
                came: set[str] = set()
                while "the/end" not in came:
                    came |= await colleagues.changed(PATIENCE)
                assert (topic("queue", "billing") in came) == queue_is_told

    asyncio.run(scenario())


def rings_and_is_given_up(center: CallCenter, agent: str | None, state: str) -> None:
    if state:
        done(center.post("/desk/state", {"state": state}, "anna"))
    rung = center.ring(queue="billing", agent=agent, number="+1 555 010 0105")
    done(center.post(f"/contacts/{rung['contact']}/abandon", {}))


def told(lines: Iterator[str]) -> dict[str, str]:
    """The parts of a page that come with the next event."""
    parts: dict[str, str] = {}
    name = ""
    for line in lines:
        match line.partition(": "):
            case "event", _, "changed":
                return parts
            case "event", _, name:
                parts[name] = ""
            case "data", _, text if name:
                parts[name] += text
    raise AssertionError("the stream ended")


def test_who_isnt_of_the_desk_hears_nothing(fresh: CallCenter, address: str) -> None:
    headers = {"authorization": f"Bearer {fresh.issuer.token('pbx', 'telephony')}"}
    assert httpx.get(f"{address}/live", headers=headers, timeout=PATIENCE).status_code == 403
    assert httpx.get(f"{address}/live", timeout=PATIENCE).status_code == 401


@pytest.mark.parametrize("withdrawn", ["the role", "the reach", "the session"])
def test_a_stream_ends_with_the_grant_that_it_was_opened_by(fresh: CallCenter, address: str, withdrawn: str) -> None:
    member = fresh.register()
    role = have_role(fresh.service, "looks", Grant(Action.CUSTOMER_READ))
    headers = {"authorization": f"Bearer {fresh.issuer.token('lea', role)}"}
    page = f"{address}/customers/{member}"

    def let_in() -> bool:
        return httpx.get(page, headers=headers).status_code == 200

    # The server looks for itself who may do what, as each process does.
    until(let_in, PATIENCE)
    with httpx.stream("GET", f"{page}/live", headers=headers, timeout=PATIENCE) as stream:
        lines = (line for line in stream.iter_lines() if line.startswith("event: changed"))
        next(lines)
        match withdrawn:
            case "the role":
                have_role(fresh.service, "looks", Grant(Action.DESK_USE))
            case "the reach":
                have_role(fresh.service, "looks", Grant(Action.CUSTOMER_READ, Reach.OWN))
            case "the session":
                end_sessions(fresh, "lea")
        until(lambda: not let_in(), PATIENCE)
        done(fresh.post(f"/customers/{member}/edit", {"changes": {"city": "Oslo"}}))
        assert next(lines, "the end") == "the end"


def test_nobody_opens_streams_without_an_end_and_the_others_have_theirs(
    fresh: CallCenter, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_STREAMS", 3)
    mine, others = ({"authorization": f"Bearer {fresh.issuer.token(who, 'agent')}"} for who in ("anna", "bert"))
    lines = []  # a page is closed when nobody reads it any more
    with ExitStack() as stack:
        for _ in range(3):
            opened = stack.enter_context(httpx.stream("GET", f"{address}/live", headers=mine, timeout=PATIENCE))
            lines.append(opened.iter_lines())
            assert "event: changed" in lines[-1]
        refused = httpx.get(f"{address}/live", headers=mine, timeout=PATIENCE)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "30")
        with httpx.stream("GET", f"{address}/live", headers=others, timeout=PATIENCE) as stream:
            assert stream.status_code == 200

    def let_in() -> bool:
        with httpx.stream("GET", f"{address}/live", headers=mine, timeout=PATIENCE) as again:
            return again.status_code == 200

    until(let_in, PATIENCE, "a page that was closed still counts")


def end_sessions(center: CallCenter, subject: str) -> None:
    ended = "INSERT INTO ended_session (id, subject, at) VALUES (gen_random_uuid(), :subject, now() + interval '1 day')"
    with center.service.engine.begin() as connection:
        connection.execute(text(ended), {"subject": subject})


def test_only_wanted_topics_are_told_and_many_at_once_as_one(fresh: CallCenter) -> None:
    async def scenario() -> None:
        async with listening(fresh) as heard, heard.subscribed(["agent/anna"]) as subscription:
            await subscription.changed(within=0)
            for n in range(100):
                subscription.tell([f"agent/bert{n}", "customer/x"])
            assert await subscription.changed(within=0) == frozenset()
            fresh.service.wakeup.signal(["agent/bert", "agent/anna", "queue/x"])
            assert await subscription.changed(PATIENCE) == {"agent/anna"}

    asyncio.run(scenario())


def test_what_happens_while_a_page_is_read_is_told_after_it() -> None:
    async def scenario() -> None:
        subscription = Subscription(["agent/anna"])
        subscription.read()
        subscription.tell(["customer/x", "customer/y"])
        subscription.want({"agent/anna", "customer/x"})
        assert await subscription.changed(within=0) == {"customer/x"}
        subscription.read()
        subscription.tell(["customer/y"])
        subscription.want({"agent/anna"})
        assert await subscription.changed(within=0) == frozenset()
        subscription.read()
        subscription.tell_all()
        subscription.want({"agent/bert"})
        assert await subscription.changed(within=0) == {"agent/bert"}

    asyncio.run(scenario())


def test_a_lost_connection_is_made_anew_and_everything_looked_at(fresh: CallCenter) -> None:
    async def scenario() -> None:
        async with listening(fresh) as heard, heard.subscribed(["agent/anna"]) as subscription:
            await subscription.changed(within=0)
            with fresh.service.engine.connect() as connection:
                assert connection.execute(text(END_LISTENERS)).all()
            assert await subscription.changed(PATIENCE) == {"agent/anna"}
            fresh.service.wakeup.signal(["agent/anna"])
            assert await subscription.changed(PATIENCE) == {"agent/anna"}

    asyncio.run(scenario())


class listening:
    """A Live of its own that hears the database of a call center."""

    def __init__(self, center: CallCenter) -> None:
        self._live = Live(center.service.engine.url.render_as_string(hide_password=False))
        self._running = self._live.running()

    async def __aenter__(self) -> Live:
        await self._running.__aenter__()
        async with asyncio.timeout(PATIENCE):
            await self._live.listening.wait()
        return self._live

    async def __aexit__(self, *error: object) -> None:
        await self._running.__aexit__(None, None, None)


def test_a_topic_never_has_a_space() -> None:
    assert topic("agent", "anna lee/x") == "agent/anna%20lee%2Fx"
