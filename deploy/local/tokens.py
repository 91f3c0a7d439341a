"""Short-lived tokens for the sample's actors, signed with a key that only this machine has.

Services know the public half from the JWKS file, as they would know an OpenID Connect issuer's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from deploy.local import private
from deploy.local.layout import Layout
from deploy.local.problems import Problem

ISSUER = "crm-local"
AUDIENCE = "crm"
ALGORITHM = "ES256"
MINUTES = 60
"""How long a printed token is good for; `token` prints a fresh one."""


@dataclass(frozen=True)
class Actor:
    """A person or machine of the sample, and the service whose pages that person uses."""

    subject: str
    name: str
    roles: tuple[str, ...]
    home: str = "callcenter"
    is_machine: bool = False


ACTORS = (
    Actor("anna", "Anna Berger", ("agent",)),
    Actor("bruno", "Bruno Costa", ("agent",)),
    Actor("sofia", "Sofia Lind", ("supervisor",)),
    Actor("marta", "Marta Nowak", ("marketer",), home="marketing"),
    Actor("samuel", "Samuel Okoye", ("sales_manager",), home="sfa"),
    Actor("rosa", "Rosa Jiménez", ("rep",), home="sfa"),
    Actor("ramon", "Ramón Ortega", ("rep",), home="sfa"),
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


class Issuer:
    """Signs tokens with the key pair of one state folder, made the first time."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        text = private.kept(layout.secrets / "token-key.json", _new_key)
        self._key = ECKey.import_key(json.loads(text))

    def publish(self) -> None:
        """Write the public key where the services read it."""
        public = KeySet([self._key]).as_dict(private=False)
        self._layout.jwks.write_text(json.dumps(public, indent=1))

    def issue(self, subject: str, name: str, roles: tuple[str, ...], minutes: int = MINUTES) -> str:
        """A token that says who ``subject`` is and which roles it has, good for ``minutes``."""
        now = datetime.now(UTC)
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "name": name,
            "roles": list(roles),
            "iat": int(now.timestamp()),
            "exp": int((now + timedelta(minutes=minutes)).timestamp()),
        }
        header = {"alg": ALGORITHM, "kid": self._key.kid, "typ": "JWT"}
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])

    def issue_for(self, someone: Actor, minutes: int = MINUTES) -> str:
        """A token for one of the sample's actors."""
        return self.issue(someone.subject, someone.name, someone.roles, minutes)


def _new_key() -> str:
    key = ECKey.generate_key("P-256", parameters={"use": "sig", "alg": ALGORITHM}, auto_kid=True)
    return json.dumps(key.as_dict(private=True))
