"""Who does something. Every handler and every read is given one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """A person, a machine, or the service itself for what follows from events."""

    id: str
    name: str = ""
    roles: frozenset[str] = frozenset()
    """As the issuer names them; what they allow is each service's to say (shared/access)."""
    teams: frozenset[str] = frozenset()
    origin: str = ""
    """From where: the network address, or ``device/ID``."""
    why: str = ""
    """On whose account: ``contact/ID`` or ``case/ID``, if the actor said so."""
    session: str = ""
    """Of the issuer, if there is one: what can be ended."""
    is_service: bool = False
    """The service itself, or who runs its commands on the server. No token makes it so."""
