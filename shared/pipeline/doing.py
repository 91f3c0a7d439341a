"""A session with an actor: what ``Work`` and ``Look`` have in common, and the one way to ask what an actor may."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from shared.access.actions import Action, Reach
from shared.access.grants import NOTHING, Fields, Grants
from shared.edge.actor import Actor
from shared.edge.errors import Forbidden
from shared.texts import N_, Text


class Reaches(Protocol):
    """How customers lie to an actor, in a service that knows. ``all`` is so of everybody and needn't be named."""

    def __call__(self, session: Session, actor: Actor, members: Collection[str]) -> Mapping[str, Collection[Reach]]: ...


def nobody_near(session: Session, actor: Actor, members: Collection[str]) -> Mapping[str, Collection[Reach]]:
    """Where a service knows of no nearness, only what is granted for all is granted."""
    return {}


@dataclass
class Doing:
    """Somebody does something in a service, at an instant."""

    session: Session
    source: str
    """The service."""
    actor: Actor
    now: datetime
    grants: Grants = NOTHING
    reaches: Reaches = nobody_near
    did: list[str] = field(default_factory=list)
    """What was asked leave for, and what else was done by name, for the audit log."""
    account: str = ""
    """On whose account, as what is done itself says: ``contact/ID``. See ``why``."""
    asked: dict[str, Collection[Reach]] = field(default_factory=dict, repr=False)
    """How members lie to the actor, as it was when it was asked first."""

    @property
    def why(self) -> str:
        """On whose account it is done: what the actor said comes first."""
        return self.actor.why or self.account

    def need(self, action: Action) -> None:
        """Raises ``Forbidden`` unless the action is granted for some record at least."""
        if not self.grants.may(action):
            roles = ", ".join(sorted(self.actor.roles)) or Text(N_("none"))
            raise Forbidden(
                N_("this needs %(action)s, which the roles of %(actor)s (%(roles)s) don't allow here"),
                action=action,
                actor=self.actor.id,
                roles=roles,
            )
        if action not in self.did:
            self.did.append(action)

    def may(self, action: Action) -> bool:
        """Whether the action is granted for some record at least."""
        return self.grants.may(action)

    def fields(self, action: Action, members: Iterable[str]) -> dict[str, Fields]:
        """What of these customers the action is granted for; those out of reach are left out."""
        wanted = list(dict.fromkeys(members))
        near = self._near(wanted) if self.grants.reaches(action) - {Reach.ALL} else {}
        found = {}
        for member in wanted:
            if (fields := self.grants.fields(action, near.get(member, ()))) is not None:
                found[member] = fields
        return found

    def _near(self, members: list[str]) -> Mapping[str, Collection[Reach]]:
        # A page asks for one customer time and again.
        if unknown := [member for member in members if member not in self.asked]:
            found = self.reaches(self.session, self.actor, unknown)
            self.asked.update((member, found.get(member, ())) for member in unknown)
        return self.asked

    def see(self, action: Action, member: str) -> Fields:
        """What of one customer the action is granted for. Raises ``Forbidden`` for one out of reach."""
        self.need(action)
        found = self.fields(action, [member]).get(member)
        if found is None:
            raise Forbidden(
                N_("this customer isn't among those for whom %(actor)s has %(action)s here"),
                actor=self.actor.id,
                action=action,
            )
        return found
