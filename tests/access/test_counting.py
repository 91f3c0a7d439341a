"""What happens to customers, or in fields, that somebody may not see changes nothing of what he gets: no number of
results, no size, no order, no wording."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from hypothesis import assume, given
from hypothesis import strategies as st

from shared.access.actions import Action
from shared.access.roles import Role
from tests.access import roles as made_up
from tests.access.model import Model
from tests.access.tries import TRIED, asks, called
from tests.access.world import Change, World

TELLS_OF_ITSELF = ("/audit", "/exports", "/healthz", "/readyz")
"""Ways on which the looking itself leaves something to be seen."""
COUNTS_ALL = ("/operations/gained",)
"""Ways that count over everybody, which is what their action is granted for."""
AT_ONCE = 3


@given(data=st.data())
@TRIED
def test_what_is_hidden_makes_no_difference(world: World, data: st.DataObject) -> None:
    roles = data.draw(made_up.of_service(world.name))
    world.grant([role for role in roles if isinstance(role, Role)])
    model = Model(world.name, roles, world.near, world.gone)
    hidden = [change for change in world.changes if not _is_seen(model, change)]
    assume(hidden)
    chosen = data.draw(st.lists(st.sampled_from(hidden), unique_by=lambda one: one.what, min_size=1, max_size=AT_ONCE))
    _makes_no_difference(world, model, chosen)


def test_all_that_is_hidden_makes_no_difference(world: World) -> None:
    for role in made_up.narrow(world.name)[1::2]:
        world.grant([role])
        model = Model(world.name, (role,), world.near, world.gone)
        _makes_no_difference(world, model, [change for change in world.changes if not _is_seen(model, change)])


def _makes_no_difference(world: World, model: Model, chosen: Sequence[Change]) -> None:
    before = _said(world, model.names)
    for change in chosen:
        change.do()
    try:
        after = _said(world, model.names)
    finally:
        for change in chosen:
            change.undo()
    different = [f"{way}\n{_difference(before[way], after[way])}" for way in before if before[way] != after[way]]
    assert not different, f"{[one.what for one in chosen]} shows to {model.roles}:\n" + "\n".join(different)


def _is_seen(model: Model, change: Change) -> bool:
    # Who reads the audit log may know of each change.
    return model.may(Action.AUDIT_READ) or any(
        model.may(action, change.member, name) for action, name in change.seen_by
    )


def _difference(before: str, after: str) -> str:
    return "\n".join(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))


def _said(world: World, roles: Sequence[str]) -> dict[str, str]:
    """Request -> what was said, with what tells of the way itself left out."""
    said: dict[str, str] = {}
    for way, ask in asks(world):
        if ask.changes or ask.stream or ask.sender or ask.path.startswith(TELLS_OF_ITSELF + COUNTS_ALL):
            continue
        response = world.send(way, ask, roles)
        told = response.text.replace(response.headers["trace-id"], "this request")
        text = re.sub(r"[0-9a-f-]{36}", lambda found: called(world, found[0]), told)
        said[f"{way} ({called(world, ask.path)}) {ask.body or ''}"] = f"{response.status_code} {text}"
    return said
