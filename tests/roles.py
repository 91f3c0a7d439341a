"""Roles of a department's own, and what the audit log says, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import text

from shared.access.grants import Grant
from shared.pipeline.service import Service

_ROLE = text("""
INSERT INTO access_role (name, label, grants) VALUES (:name, '', CAST(:grants AS jsonb))
ON CONFLICT (name) DO UPDATE SET grants = excluded.grants
""")


def have_role(service: Service, name: str, *grants: Grant) -> str:
    """Let the department have this role, in force at once; gives its name."""
    with service.engine.begin() as connection:
        connection.execute(_ROLE, {"name": name, "grants": msgspec.json.encode(grants).decode()})
    service.standing.refresh()
    return name


@dataclass(frozen=True)
class Entry:
    """A line of the audit log."""

    actor: str
    action: str
    outcome: str
    subjects: list[str]
    detail: dict[str, Any]
    why: str


def audited(service: Service, actor: str) -> list[Entry]:
    """What the audit log says of an actor, the oldest first."""
    query = "SELECT actor, action, outcome, subjects, detail, why FROM audit_entry WHERE actor = :actor ORDER BY n"
    with service.engine.connect() as connection:
        return [Entry(*row) for row in connection.execute(text(query), {"actor": actor})]
