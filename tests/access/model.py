"""What should be: who may see and do what, told from the table of roles and from how a world was made, not from code.

It knows three things: the grants of a role (shared/access/roles.py, as data), how a customer lies to the actor (whoever
made the world knows), and what each canary is. No service's queries have a part in it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from shared.access.actions import Action, Reach
from shared.access.grants import Grant
from shared.access.roles import ROLES, Role

READS = (
    Action.AUDIT_READ,
    Action.CASE_READ,
    Action.CONTACT_READ,
    Action.CUSTOMER_ERASE,
    Action.CUSTOMER_ERASE_CONSENT,
    Action.CUSTOMER_EXPORT,
    Action.CUSTOMER_READ,
    Action.DEVICE_PULL,
    Action.IDENTITY_DECIDE,
    Action.ORDER_READ,
    Action.REQUEST_DECIDE,
    Action.REQUEST_READ,
    Action.SEGMENT_READ,
    Action.TIMELINE_READ,
)
"""What lets somebody know at all that there is such a customer."""


@dataclass(frozen=True)
class Canary:
    """A text that is about one customer and stands nowhere else."""

    text: str
    member: str
    action: Action
    """By which it is seen, where the way in says nothing else."""
    field: str | None
    """None: no field of a customer and no free text; whoever sees the thing sees it."""


EVERYBODY = "everybody"
"""In place of a member: it must be granted for all."""


@dataclass(frozen=True)
class Need:
    """What must be granted for something to be done."""

    action: Action
    member: str | None = None
    """None: for any record."""
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Model:
    """An actor with roles in a service, among customers that lie so to it."""

    service: str
    roles: tuple[str | Role, ...]
    """Names of roles that come with the platform, and the department's own."""
    near: Mapping[str, Collection[Reach]]
    """Member -> how it lies to the actor."""
    gone: Collection[str] = ()
    """Erased members: nothing of them is left to be seen."""
    grants: tuple[Grant, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "grants", tuple(self._grants()))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(role if isinstance(role, str) else role.name for role in self.roles)

    def _grants(self) -> Iterable[Grant]:
        for role in self.roles:
            yield from ROLES[self.service].get(role, ()) if isinstance(role, str) else role.grants

    def may(self, action: Action, member: str | None = None, name: str | None = None) -> bool:
        """Whether the action is granted: for anything, for this member, for this field of it."""
        return any(
            grant.action is action
            and (member is None or grant.reach is Reach.ALL or grant.reach in self.near.get(member, ()))
            and (name is None or covers(grant.fields, name))
            for grant in self.grants
        )

    def allows(self, needs: Iterable[Need], either: Collection[Need] = ()) -> bool:
        """Whether all of the one is granted, and of the other something if anything is named."""
        return (not either or any(self.allows([each]) for each in either)) and all(
            self.may(need.action, need.member) and all(self.may(need.action, need.member, name) for name in need.fields)
            for need in needs
        )

    def shows(self, canary: Canary, instead: Collection[Action] = ()) -> bool:
        """Whether the actor may see it. ``instead``: actions by which a way in shows it, in place of its own."""
        if canary.member in self.gone and canary.field is not None:
            return False
        return any(self.may(action, canary.member, canary.field) for action in instead or (canary.action,))

    def knows_of(self, member: str) -> bool:
        """Whether the actor may know that there is such a customer."""
        return any(self.may(action, member) for action in READS)


def covers(fields: Collection[str], name: str) -> bool:
    """Whether a grant's fields have this one."""
    return name in fields or any(one.endswith("*") and name.startswith(one[:-1]) for one in fields)
