"""The sample's actors, and short-lived tokens for them, signed with a key that only this machine has.

People sign in at the embedded issuer (``deploy/local/issuer``). This is the short way for machines and scripts that
may read the state folder: its tokens are the issuer's, without an account's password.
"""

from __future__ import annotations

import json
import os
import secrets
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from deploy.local import layout, private
from deploy.local.issuer.keys import SigningKeys
from deploy.local.layout import Layout
from deploy.local.problems import Problem

AUDIENCE = "crm"
CONSOLE = "console"
"""The console's name, at the issuer and in variables: it has pages that people sign in to, and isn't a service."""
MINUTES = 60
"""How long a printed token is good for; `token` prints a fresh one."""

SECOND_FACTOR = frozenset({"administrator", "marketer", "operator", "sales_manager", "supervisor"})
"""Roles that may erase people or administer: who has one signs in with a one-time code too."""


@dataclass(frozen=True)
class Actor:
    """A person or machine of the sample, and the service whose pages that person uses."""

    subject: str
    name: str
    roles: tuple[str, ...]
    home: str = "callcenter"
    is_machine: bool = False
    teams: tuple[str, ...] = ()


ACTORS = (
    Actor("anna", "Anna Berger", ("agent",), teams=("care",)),
    Actor("bruno", "Bruno Costa", ("agent",), teams=("care",)),
    Actor("sofia", "Sofia Lind", ("supervisor",), teams=("care",)),
    Actor("ada", "Ada Keller", ("administrator",)),
    Actor("marta", "Marta Nowak", ("marketer",), home="marketing", teams=("campaigns",)),
    Actor("samuel", "Samuel Okoye", ("sales_manager",), home="sfa", teams=("field",)),
    Actor("rosa", "Rosa Jiménez", ("rep",), home="sfa", teams=("field",)),
    Actor("ramon", "Ramón Ortega", ("rep",), home="sfa", teams=("field",)),
    Actor("omar", "Omar Haddad", ("operator",), home="sync"),
    Actor("telephony", "Telephone system", ("telephony",), is_machine=True),
    Actor("importer", "Importer", ("importer",), is_machine=True),
)


def actor(subject: str) -> Actor:
    """The sample's actor of that name. Raises ``Problem`` for an unknown one."""
    for known in ACTORS:
        if known.subject == subject:
            return known
    names = ", ".join(known.subject for known in ACTORS)
    raise Problem(f"Nobody here is called {subject!r}. There are: {names}.")


def needs_second_factor(roles: Collection[str]) -> bool:
    """Whether somebody with these roles signs in with a one-time code too."""
    return not SECOND_FACTOR.isdisjoint(roles)


def is_elsewhere(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment names another issuer than the embedded one."""
    return bool(environ.get("CRM_TOKEN_ISSUER"))


def issuer_url(environ: Mapping[str, str] = os.environ) -> str:
    """Who issues tokens: another issuer if the environment names one, else the embedded one.

    Cookies don't tell ports apart, so the issuer has another host's name than the services, and sees none of theirs.
    """
    return environ.get("CRM_TOKEN_ISSUER") or f"http://localhost:{layout.port_of('issuer', environ)}"


def client_secrets(place: Layout) -> dict[str, str]:
    """The generated secret of each client of the embedded issuer, made the first time: services and machines."""
    names = [*layout.SERVICE_PORTS, CONSOLE, *(one.subject for one in ACTORS if one.is_machine)]
    path = place.secrets / "clients.json"
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    if new := {name: secrets.token_urlsafe(24) for name in names if name not in known}:
        known |= new
        private.replace(path, json.dumps(known))
    return known


class Issuer:
    """Signs tokens with the key pair of one state folder, made the first time."""

    def __init__(self, place: Layout, name: str = "") -> None:
        self._place = place
        self._name = name or issuer_url()
        self.keys = SigningKeys(place.secrets / "token-keys.json")

    def publish(self) -> None:
        """Write the public keys to a file, for who reads them there and not at the issuer."""
        self._place.jwks.parent.mkdir(parents=True, exist_ok=True)
        self._place.jwks.write_text(json.dumps(self.keys.public(), indent=1))

    def issue(
        self, subject: str, name: str, roles: tuple[str, ...], minutes: int = MINUTES, teams: tuple[str, ...] = ()
    ) -> str:
        """A token that says who ``subject`` is and which roles it has, good for ``minutes``."""
        now = datetime.now(UTC)
        claims = {
            "iss": self._name,
            "aud": AUDIENCE,
            "sub": subject,
            "name": name,
            "roles": list(roles),
            "teams": list(teams),
            "jti": str(uuid.uuid4()),
            "iat": int(now.timestamp()),
            "exp": int((now + timedelta(minutes=minutes)).timestamp()),
        }
        return self.keys.sign(claims, typ="at+jwt")

    def issue_for(self, someone: Actor, minutes: int = MINUTES) -> str:
        """A token for one of the sample's actors."""
        return self.issue(someone.subject, someone.name, someone.roles, minutes, someone.teams)
