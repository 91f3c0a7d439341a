"""Roles that are made up try all ways into all services: only what is granted is shown, found, told and done."""

from __future__ import annotations

from dataclasses import replace

import httpx
from hypothesis import given
from hypothesis import strategies as st

from shared.access.roles import ROLES, Role, check
from tests.access import roles as made_up
from tests.access.judging import judged
from tests.access.model import Model
from tests.access.roles import Roles
from tests.access.tries import TRIED, asks, called
from tests.access.ways import Way, ways
from tests.access.world import Ask, World

MOST_PARTS = 100


def test_every_way_is_known(world: World) -> None:
    found = ways(world.client.app)  # type: ignore[arg-type]
    unknown = [str(way) for way in found if way not in world.known]
    assert not unknown, f"{world.name}: say in tests/access/{world.name}.py how these are gone: {unknown}"
    gone = [str(way) for way in world.known if way not in found]
    assert not gone, f"{world.name} has these no more: {gone}"


def test_a_role_of_the_platform_opens_what_it_says(world: World) -> None:
    world.grant(())
    wrong = {role: found for role in (*ROLES[world.name], "nobody") if (found := _wrong(world, (role,)))}
    assert not wrong, _told(wrong)


def test_a_role_that_hides_much_opens_what_it_says(world: World) -> None:
    for role in made_up.narrow(world.name):
        world.grant([role])
        wrong = _wrong(world, (role,))
        assert not wrong, _told({role.name: wrong})


@given(data=st.data())
@TRIED
def test_a_role_that_is_made_up_opens_what_it_says(world: World, data: st.DataObject) -> None:
    roles = data.draw(made_up.of_service(world.name))
    own = [role for role in roles if isinstance(role, Role)]
    for role in own:
        check(world.name, role, {name for grant in role.grants for name in grant.fields})
    world.grant(own)
    wrong = _wrong(world, roles)
    assert not wrong, _told({str(roles): wrong})


def test_each_canary_is_seen_by_somebody(world: World) -> None:
    # Else that it isn't seen would say nothing.
    world.grant(())
    everybody = tuple(ROLES[world.name])
    said = [world.send(way, ask, everybody).text for way, ask in asks(world) if not ask.changes]
    seen = {canary.text for text in said for canary in world.canaries.found(text)}
    for label, member in world.members.items():
        unseen = [c for c in world.canaries.of(member) if c.text not in seen and c.field not in world.never]
        assert bool(unseen) == (member in world.gone), (label, unseen)


def _wrong(world: World, roles: Roles) -> list[str]:
    """What an actor with these roles can do and shouldn't, or should and can't."""
    model = Model(world.name, roles, world.near, world.gone)
    before = world.digest()
    wrong: list[str] = []
    for way, ask in asks(world):
        response = world.tries(way, ask, model.names) if ask.changes else world.send(way, ask, model.names)
        wrong += [f"{way} ({called(world, ask.path)}) {what}" for what in judged(world, model, ask, response)]
        if ask.onward and response.status_code == 200:
            wrong += _onward(world, model, way, ask, response)
        if ask.changes and response.status_code in (403, 404):
            # Refused, and once more with nothing that keeps it from being done.
            world.send(way, ask, model.names)
    after = world.digest()
    wrong += [f"what was refused left something in {name}" for name in after if after[name] != before.get(name)]
    return sorted(set(wrong))


def _onward(world: World, model: Model, way: Way, ask: Ask, response: httpx.Response) -> list[str]:
    """All parts of a list to its end, each by the cursor that the one before it gave."""
    wrong, parts = [], 0
    while ask.onward and response.status_code == 200 and (path := ask.onward(response)):
        ask = replace(ask, path=path)
        response = world.send(way, ask, model.names)
        wrong += [f"{way} (part {parts}) {what}" for what in judged(world, model, ask, response)]
        parts += 1
        assert parts < MOST_PARTS, f"{way} has no end"
    return wrong


def _told(wrong: dict[str, list[str]]) -> str:
    return "".join(f"\nroles {roles}:\n  " + "\n  ".join(found) for roles, found in wrong.items())
