"""Who does something. Every handler is given one."""

from __future__ import annotations

from dataclasses import dataclass

from shared.edge.errors import Forbidden


@dataclass(frozen=True)
class Actor:
    """A person, a machine, or the service itself for what follows from events."""

    id: str
    name: str = ""
    roles: frozenset[str] = frozenset()

    def need(self, *roles: str) -> None:
        """Raises ``Forbidden`` unless the actor has at least one of the roles."""
        if not self.roles & set(roles):
            raise Forbidden(f"this needs the role {' or '.join(roles)}; {self.id} has {_listed(self.roles)}")


def _listed(roles: frozenset[str]) -> str:
    return ", ".join(sorted(roles)) or "none"
