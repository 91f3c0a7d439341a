"""A grant that is withdrawn while something is open: a stream, a file, a command that is sent again."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from shared.access.actions import SUPPORTS, Action, Reach
from shared.access.grants import Grant
from shared.access.roles import Role
from shared.administration.exports import handlers as exports
from shared.edge import live
from shared.edge.live import topic
from shared.events.envelope import new_id
from shared.pipeline.standing import BOUND_SECONDS
from tests.access.tries import asks
from tests.access.world import ACTOR, Ask, Open, World

MINE = "mine"


@pytest.fixture
def granted(world: World) -> Iterator[World]:
    """A world in which one role of the department's own may do everything."""
    world.grant([_everything(world.name)])
    yield world
    world.grant(())


def _everything(service: str) -> Role:
    return Role(MINE, tuple(Grant(action, reach) for action, reaches in SUPPORTS[service].items() for reach in reaches))


def test_a_stream_ends_with_its_grant(granted: World) -> None:
    world = granted
    headers = {"authorization": f"Bearer {world.token([MINE])}"}
    streams = [ask for _, ask in asks(world) if ask.stream and ask.member not in world.gone]
    for ask in streams:
        with world.open(ask.path, headers) as opened:
            opened.wait_for(1)
            before = opened.events
            assert before == 1, f"{ask.path} was answered with {opened.status}"
            world.grant(())
            _something_happens(world, ask)
            opened.wait_for(before + 1)
            assert opened.events == before, f"{ask.path} told of a change after its grant was withdrawn"
            assert opened.ended.is_set()
            world.grant([_everything(world.name)])


def test_a_stream_ends_without_anything_happening(granted: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "CHECK_SECONDS", 3.0)
    monkeypatch.setattr(live, "ROUND_SECONDS", 1.0)
    bound = live.CHECK_SECONDS + live.ROUND_SECONDS + BOUND_SECONDS
    # Without a signal a page is looked at anew by itself; until then it is told nothing.
    world = granted
    headers = {"authorization": f"Bearer {world.token([MINE])}"}
    streams = [ask for _, ask in asks(world) if ask.stream and ask.member not in world.gone][-3:]
    opened = [Open(world.client, ask.path, headers) for ask in streams]
    for one in opened:
        one.start()
        one.wait_for(1)
    world.grant(())
    withdrawn = time.monotonic()
    told = [one.events for one in opened]
    for one in opened:
        assert one.ended.wait(bound)
        assert time.monotonic() - withdrawn < bound
    assert [one.events for one in opened] == told


def _something_happens(world: World, ask: Ask) -> None:
    topics = {f"agent/{ACTOR}", "supervisor/all", topic("customer", ask.member), "orders", "segment/high_value"}
    world.service.wakeup.signal(topics)


def test_a_file_breaks_off_with_its_grant(granted: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world = granted
    monkeypatch.setattr(exports, "PART", 1)
    original, parts = exports.part, 0

    def counted(*arguments: object) -> object:
        nonlocal parts
        parts += 1
        if parts == 2:
            world.grant(())
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(exports, "part", counted)
    headers = {"authorization": f"Bearer {world.token([MINE])}"}
    with world.open("/customers/export?format=ndjson", headers) as opened:
        assert opened.ended.wait(20)
        assert len(opened.response().text.splitlines()) == 2, "what was begun is handed over, and no more"
        assert opened.failed is not None, "the file must not look as if it were whole"


def test_a_command_sent_again_is_refused_without_its_grant(granted: World) -> None:
    world = granted
    member = next(iter(world.members.values()))
    city, path = world.value(member, "city"), f"/customers/{member}/edit"
    if Action.CUSTOMER_EDIT not in SUPPORTS[world.name] or world.name == "marketing":
        path, body = "/segments/high_value/define", {"name": "High value", "window_days": 365, "at_least": 1_000}
    else:
        body = {"changes": {"city": city}}
    headers = {"authorization": f"Bearer {world.token([MINE])}", "idempotency-key": new_id()}
    first = world.client.post(path, json=body, headers=headers)
    assert first.status_code == 200, first.text
    assert world.client.post(path, json=body, headers=headers).text == first.text
    world.grant([Role(MINE, (Grant(Action.CUSTOMER_READ, Reach.ALL),))])
    again = world.client.post(path, json=body, headers=headers)
    assert again.status_code == 403, again.text
