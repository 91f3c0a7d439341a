"""docs/roles.md: who may do what, from the table of roles."""

from __future__ import annotations

from collections.abc import Sequence

from deploy.docs.meanings import table
from shared.access.actions import SUPPORTS, Reach
from shared.access.grants import Grant
from shared.access.roles import ROLES

HEAD = """\
# Roles

Made from the code (`shared/access/roles.py`) by `make docs`. What isn't granted is denied, and a role that a service
doesn't know grants nothing there. Departments add roles of their own as data, at `/roles` of their service; one may
name the fields of customers that it shows, and everything below can be granted in it.

A grant is an action, a reach (which records) and fields. Roles of one actor add up. A record shows the fields of those
grants within whose reach it is.
"""
REACHES = {
    Reach.ALL: "all",
    Reach.TERRITORY: "customers of the territories that the actor looks after, as events tell; all of them while "
    "nobody was ever assigned to any territory",
    Reach.TEAM: "contacts of the queues called like the actor's teams (a claim of its token), and their customers",
    Reach.OWN: "what the actor works on: customers that it registered, contacts that it answered, orders that it took",
}


def page() -> str:
    """The page."""
    reaches = table(("reach", "records"), [(f"`{reach}`", meaning) for reach, meaning in REACHES.items()])
    return "\n".join([HEAD, reaches, *(part for service in ROLES for part in _service(service)), ""])


def _service(service: str) -> list[str]:
    roles = ROLES[service]
    rows = [
        (f"`{action}`", _reaches(SUPPORTS[service][action]), *(_granted(roles[role], action) for role in roles))
        for action in sorted(SUPPORTS[service])
    ]
    return [f"\n## {service}\n", table(("action", "can be granted for", *roles), rows)]


def _granted(grants: Sequence[Grant], action: str) -> str:
    return _reaches(frozenset(grant.reach for grant in grants if grant.action == action))


def _reaches(reaches: frozenset[Reach]) -> str:
    return ", ".join(reach for reach in Reach if reach in reaches)
