"""What roles there are, and what somebody may change of them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from shared.access.actions import SUPPORTS, Action
from shared.access.grants import Grant
from shared.access.roles import ROLES, Role
from shared.texts import N_, Saying


class OwnRole(Saying, ValueError):
    """Somebody would change what he himself may; the text is for people."""


def refuse_own(name: str, own: Collection[str]) -> None:
    """Raises ``OwnRole`` for a role that the one who changes it has."""
    if name in own:
        raise OwnRole(N_("you have the role %(name)s yourself: somebody else has to change it"), name=name)


@dataclass(frozen=True)
class Table:
    """All roles of a service: ``rows`` has for each action the grants of each of ``roles``."""

    roles: list[tuple[Role, bool]]
    """With whether the role comes with the platform."""
    rows: list[tuple[Action, list[list[Grant]]]]


def built_in(service: str) -> list[Role]:
    """The roles that come with the platform."""
    return [Role(name, grants) for name, grants in ROLES.get(service, {}).items()]


def table(service: str, custom: Iterable[Role]) -> Table:
    """Every action that there is in a service, and to whom it is granted."""
    roles = [*((role, True) for role in built_in(service)), *((role, False) for role in custom)]
    rows = [
        (action, [[grant for grant in role.grants if grant.action is action] for role, _ in roles])
        for action in sorted(SUPPORTS.get(service, {}))
    ]
    return Table(roles, rows)
