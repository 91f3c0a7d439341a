"""Who may ask the issuer for tokens: the services, for people who sign in, and the sample's machines."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from authlib.oauth2.rfc6749 import ClientMixin

from deploy.local.layout import SERVICE_PORTS, Layout
from deploy.local.tokens import ACTORS, CONSOLE, client_secrets

SCOPES = ("openid", "profile")
METHODS = frozenset({"client_secret_basic", "client_secret_post"})


@dataclass(frozen=True)
class Client(ClientMixin):
    """A registered client: a service with its addresses, or a machine without any."""

    name: str
    secret: str
    url: str = ""
    grants: frozenset[str] = field(default=frozenset())

    @property
    def client_metadata(self) -> dict[str, list[str]]:
        """What the library asks for by this name."""
        return {"post_logout_redirect_uris": [f"{self.url}/signed-out"] if self.url else []}

    @property
    def logout_uri(self) -> str:
        """Where it is told of sessions that ended."""
        return f"{self.url}/session/ended"

    def get_client_id(self) -> str:
        return self.name

    def get_default_redirect_uri(self) -> str:
        return ""  # always to be said

    def get_allowed_scope(self, scope: str | None) -> str:
        return " ".join(part for part in (scope or "").split() if part in SCOPES)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return bool(self.url) and redirect_uri == f"{self.url}/signed-in"

    def check_client_secret(self, client_secret: str) -> bool:
        return secrets.compare_digest(self.secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in METHODS

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and "authorization_code" in self.grants

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grants


def registered(place: Layout, urls: Mapping[str, str]) -> dict[str, Client]:
    """Every client. ``urls``: where people find each service."""
    kept = client_secrets(place)
    pages = frozenset({"authorization_code", "refresh_token"})
    services = [Client(name, kept[name], url.rstrip("/"), pages) for name, url in urls.items()]
    machines = [
        Client(one.subject, kept[one.subject], grants=frozenset({"client_credentials"}))
        for one in ACTORS
        if one.is_machine
    ]
    return {client.name: client for client in (*services, *machines)}


def urls_from(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Where the services and the console are, as the issuer's process is told."""
    return {name: url for name in (*SERVICE_PORTS, CONSOLE) if (url := environ.get(f"CRM_{name.upper()}_URL"))}
