"""What the console is told from outside: environment variables, checked all at once at start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from shared.edge.settings import SERVICES, BadSettings, with_files

VARIABLES = {
    "CRM_CONSOLE_PORT": "the port to listen on",
    "CRM_CONSOLE_URL": "where people find the console; as requests name it if empty",
    "CRM_CONSOLE_CLIENT_ID": "the console as its issuer knows it; `console` if empty",
    "CRM_CONSOLE_CLIENT_SECRET": "its secret there; none for a public client",
    "CRM_HOST": "the address to listen on; 127.0.0.1 if empty",
    "CRM_TOKEN_ISSUER": "as for the services",
    "CRM_TOKEN_AUDIENCE": "as for the services; `crm` if empty",
    "CRM_JWKS_FILE": "as for the services",
    "CRM_<SERVICE>_URL": "where each service is found, by people and by the console",
    "CRM_PROMETHEUS_URL": "the Prometheus that has the figures of all processes",
    "CRM_METRICS_TARGETS": "without a Prometheus: the processes' own metrics, http://host:port with commas between",
}
"""Variable -> what it says."""


@dataclass(frozen=True)
class ConsoleSettings:
    """Settings of the console."""

    port: int
    issuer: str
    urls: Mapping[str, str]
    """Of the services that there are."""
    host: str = "127.0.0.1"
    url: str = ""
    client_id: str = "console"
    client_secret: str = ""
    audience: str = "crm"
    jwks_file: Path | None = None
    prometheus: str = ""
    targets: tuple[str, ...] = ()


def load(environment: Mapping[str, str] = os.environ) -> ConsoleSettings:
    """The settings. Raises ``BadSettings`` with everything that is wrong."""
    given, problems = with_files(environment)
    port = given.get("CRM_CONSOLE_PORT", "")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        problems.append("CRM_CONSOLE_PORT: isn't a port, 1 to 65535")
    if not given.get("CRM_TOKEN_ISSUER"):
        problems.append("CRM_TOKEN_ISSUER: isn't set")
    urls = {name: given[f"CRM_{name.upper()}_URL"] for name in SERVICES if given.get(f"CRM_{name.upper()}_URL")}
    if not urls:
        problems.append("CRM_<SERVICE>_URL: isn't set for any service")
    targets = tuple(
        part.strip().rstrip("/") for part in given.get("CRM_METRICS_TARGETS", "").split(",") if part.strip()
    )
    for name, url in [*urls.items(), *(("CRM_METRICS_TARGETS", target) for target in targets)]:
        if urlsplit(url).scheme not in ("http", "https"):
            problems.append(f"{name}: {url!r} isn't a URL that begins with http:// or https://")
    if problems:
        raise BadSettings("\n  ".join(["the console can't start, its settings are not complete:", *problems]))
    file = given.get("CRM_JWKS_FILE")
    return ConsoleSettings(
        port=int(port),
        issuer=given["CRM_TOKEN_ISSUER"],
        urls={name: url.rstrip("/") for name, url in urls.items()},
        host=given.get("CRM_HOST") or "127.0.0.1",
        url=given.get("CRM_CONSOLE_URL", ""),
        client_id=given.get("CRM_CONSOLE_CLIENT_ID") or "console",
        client_secret=given.get("CRM_CONSOLE_CLIENT_SECRET", ""),
        audience=given.get("CRM_TOKEN_AUDIENCE") or "crm",
        jwks_file=Path(file) if file else None,
        prometheus=given.get("CRM_PROMETHEUS_URL", "").rstrip("/"),
        targets=targets,
    )
