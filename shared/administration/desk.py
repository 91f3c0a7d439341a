"""What each service's wiring takes from here: routers, and pages whose menu leads to what the reader may."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from shared.access.actions import Action
from shared.administration import texts
from shared.administration.audit import api as audit
from shared.administration.audit import pages as audit_pages
from shared.administration.definitions import api as definitions
from shared.administration.definitions import pages as definition_pages
from shared.administration.exports import api as exports
from shared.administration.exports import pages as export_pages
from shared.administration.roles import api as roles
from shared.administration.roles import pages as role_pages
from shared.administration.sessions import api as sessions
from shared.administration.sessions import pages as session_pages
from shared.pipeline.service import Service
from shared.texts import N_
from shared.web.render import Pages, Words

FOLDERS = tuple(
    Path(__file__).parent / name / "templates"
    for name in ("audit", "definitions", "erasures", "exports", "roles", "sessions")
)
NAV = {
    "/erasures": (N_("Erasures"), Action.CUSTOMER_ERASE_CONSENT),
    "/definitions": (N_("Fields and lists"), Action.FIELD_DEFINE),
    "/exports": (N_("Exports"), Action.CUSTOMER_EXPORT),
    "/roles": (N_("Roles"), Action.ROLE_READ),
    "/sessions": (N_("Sessions"), Action.SESSION_END),
    "/audit": (N_("Audit log"), Action.AUDIT_READ),
}


def routers(service: Service, pages: Pages) -> list[APIRouter]:
    """The routers of administration. They stand before those of customers, whose paths take ``export`` for an id."""
    return [
        audit_pages.router(service, pages),
        definition_pages.router(service, pages),
        export_pages.router(service, pages),
        role_pages.router(service, pages),
        session_pages.router(service, pages),
        audit.router(service),
        definitions.router(service),
        exports.router(service),
        roles.router(service),
        sessions.router(service),
    ]


def pages(
    title: str,
    nav: Mapping[str, str],
    folders: Sequence[Path],
    words: Words | None = None,
    few: Mapping[str, tuple[str, str]] | None = None,
) -> Pages:
    """The pages of a service with those of administration; as ``Pages``. ``few``: what else is in the menu for few, by
    the action that each needs."""

    def together(gettext: Callable[[str], str], language: str) -> dict[str, Any]:
        return texts.words(gettext, language) | (words(gettext, language) if words else {})

    return Pages(title, nav, (*folders, *FOLDERS), together, {**(few or {}), **NAV})
