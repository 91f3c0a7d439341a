"""What a process is told from outside: environment variables, checked all at once at start."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

KAFKA_PREFIX = "CRM_KAFKA_"


class BadSettings(SystemExit):
    """The environment doesn't say what the process needs; the text names every variable at once."""


KEY_BYTES = 32


def key_encryption_keys(text: str) -> dict[str, bytes]:
    """Parse ``name:base64,name:base64``. Raises ``ValueError``, which never quotes what was given: a name that was
    forgotten makes a key of the text before the colon."""
    keys: dict[str, bytes] = {}
    for number, entry in enumerate(filter(None, (part.strip() for part in text.split(","))), 1):
        name, colon, encoded = entry.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            raise ValueError(f"key-encrypting key {number} is not base64") from None
        if not colon or len(key) != KEY_BYTES:
            raise ValueError(f"key-encrypting key {number} isn't a name, a colon and {KEY_BYTES} bytes in base64")
        keys[name] = key
    if not keys:
        raise ValueError("no key-encrypting key is given")
    return keys


class Settings(BaseModel):
    """Settings of one service. ``{S}`` in a variable's name stands for the service's, in capitals."""

    service: str
    database_url: str = Field(
        repr=False, description="CRM_{S}_DATABASE_URL: postgresql+psycopg://user:password@host/name"
    )
    kafka: dict[str, str] = Field(
        repr=False,
        description="CRM_KAFKA_…: passed to librdkafka in lower case with dots; CRM_KAFKA_BOOTSTRAP_SERVERS at least. "
        "CRM_{S}_KAFKA_…: the same for one service, as CRM_{S}_KAFKA_SASL_PASSWORD; comes first",
    )
    key_encryption_keys: str = Field(
        repr=False,
        description="CRM_KEY_ENCRYPTION_KEYS: name:base64,… 32 bytes each, the newest first; the same for all services",
    )
    host: str = Field("127.0.0.1", description="CRM_HOST: the address to listen on")
    port: int = Field(description="CRM_{S}_PORT: the API's port")
    metrics_port: int = Field(
        0, description="CRM_{S}_METRICS_PORT: the worker's metrics, and whether it lives and is ready; 0 for none"
    )
    api_metrics_port: int = Field(
        0,
        description="CRM_{S}_API_METRICS_PORT: the same of the API, on a port that nobody outside comes to; 0 for none",
    )
    streams_metrics_port: int = Field(
        0,
        description="CRM_{S}_STREAMS_METRICS_PORT: the same of the process of live windows, where a service has one; "
        "0 for none",
    )
    urls: dict[str, str] = Field(
        default_factory=dict, description="CRM_<SERVICE>_URL: where people find each service, for links"
    )
    token_issuer: str = Field(
        description="CRM_TOKEN_ISSUER: the URL of the OpenID Connect issuer of access tokens, as it calls itself"
    )
    token_audience: str = Field("crm", description="CRM_TOKEN_AUDIENCE: whom access tokens must be for")
    token_roles: str = Field(
        "roles", description="CRM_TOKEN_ROLES: the claim with a person's roles; within another: `realm_access.roles`"
    )
    token_teams: str = Field("teams", description="CRM_TOKEN_TEAMS: the claim with a person's teams")
    page_token: Literal["access_token", "id_token"] = Field(
        "access_token",
        description="CRM_PAGE_TOKEN: what pages carry: access_token, or id_token for an issuer whose access tokens "
        "only it can read",
    )
    client_id: str = Field("", description="CRM_{S}_CLIENT_ID: the service as its issuer knows it; its name if empty")
    client_secret: str = Field(
        "", repr=False, description="CRM_{S}_CLIENT_SECRET: its secret there; none for a public client"
    )
    jwks_file: Path | None = Field(
        None, description="CRM_JWKS_FILE: the issuer's public keys in a file, in place of those that it publishes"
    )
    requests_a_minute: int = Field(
        60_000, ge=1, description="CRM_REQUESTS_A_MINUTE: of one actor at one process; more are refused"
    )
    failures_a_minute: int = Field(
        60,
        ge=1,
        description="CRM_FAILURES_A_MINUTE: bad tokens from one address at one process",
    )
    longest_token_seconds: int = Field(
        3600,
        ge=60,
        description="CRM_LONGEST_TOKEN_SECONDS: the longest life of an access token that the issuer gives; "
        "for so long it is known which sessions were ended",
    )
    default_region: str = Field(
        "US", description="CRM_DEFAULT_REGION: country of phone numbers written without a country code"
    )
    partitions: int = Field(
        12, ge=1, description="CRM_PARTITIONS: of each topic, at its creation; never changed afterwards"
    )
    replication: int = Field(1, ge=1, description="CRM_REPLICATION: replicas of each topic")
    parked_share: float = Field(
        0.05,
        gt=0,
        le=1,
        description="CRM_PARKED_SHARE: above this share of parked streams the consumer stops",
    )
    heads_seconds: float = Field(
        60.0, gt=0, description="CRM_HEADS_SECONDS: how often a service says how far it has come, a sign of life"
    )
    currency: str = Field("USD", pattern="^[A-Z]{3}$", description="CRM_CURRENCY: of all amounts, ISO 4217")
    backup_days: int = Field(
        35,
        ge=1,
        description="CRM_BACKUP_DAYS: for how long backups of databases and of keys are kept, at most: what "
        "certificates of erasures say. Keeping them no longer is up to whoever makes them",
    )
    certificate_key: str = Field(
        "",
        repr=False,
        description="CRM_CERTIFICATE_KEY: the private key that signs certificates of erasures, Ed25519 or P-256, as "
        "PEM or JWK; they are unsigned if empty",
    )
    release: str = Field("", description="CRM_RELEASE: which release this is, as metrics show it")
    notify_url: str = Field("", description="CRM_NOTIFY_URL: where notices to people are sent as JSON; none if empty")

    @field_validator("key_encryption_keys")
    @classmethod
    def _are_keys(cls, text: str) -> str:
        key_encryption_keys(text)
        return text

    @field_validator("database_url")
    @classmethod
    def _is_url(cls, text: str) -> str:
        try:
            driver = make_url(text).drivername
        except (ArgumentError, ValueError):
            driver = ""
        if driver != DRIVER:
            raise ValueError(f"isn't a URL that begins with {DRIVER}://")
        return text


DRIVER = "postgresql+psycopg"
SERVICES = ("callcenter", "marketing", "sfa", "sync")
_PER_SERVICE = (
    "database_url",
    "port",
    "metrics_port",
    "api_metrics_port",
    "streams_metrics_port",
    "client_id",
    "client_secret",
)
_GATHERED = ("service", "kafka", "urls")
"""Not from one variable each."""
_COMMON = tuple(name for name in Settings.model_fields if name not in (*_PER_SERVICE, *_GATHERED))
_PREFIX = "CRM_"
_ELSEWHERE = (
    *("CRM_LOCAL_", "CRM_TEST_", "CRM_FAULT", "CRM_DOWNLOADS_", "CRM_ACCESS_", "CRM_PICTURES"),
    *("CRM_CONSOLE_", "CRM_PROMETHEUS_", "CRM_METRICS_"),
)
"""How variables begin that no service reads: those of local runs, of tests, and of the console."""
_FILE = "_FILE"
_ARE_FILES = frozenset(f"CRM_{name.upper()}" for name in _COMMON if name.upper().endswith(_FILE))
"""Settings that are files themselves."""


def load(service: str, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of ``service``. Raises ``BadSettings``, which ends the process with a text for people.

    What ``<variable>_FILE`` names is read in place of a variable, as secrets are handed to containers.
    """
    environment, problems = with_files(environment)
    values: dict[str, Any] = {"service": service, "kafka": kafka_settings(environment, service)}
    values["urls"] = {s: environment[_url(s)] for s in SERVICES if environment.get(_url(s))}
    for name in (*_PER_SERVICE, *_COMMON):
        if value := environment.get(variable(name, service)):
            values[name] = value
    if "bootstrap.servers" not in values["kafka"]:
        problems.append(f"{KAFKA_PREFIX}BOOTSTRAP_SERVERS: isn't set")
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += _problems(service, error)
    if problems:
        raise BadSettings("\n  ".join([f"{service} can't start, its settings are not complete:", *problems]))
    return settings


def unknown(environment: Mapping[str, str] = os.environ) -> list[str]:
    """What is probably misspelt: a line for each ``CRM_`` variable that nothing reads, with the one that it is like.

    Not an error: a variable may be of a later release, or of an earlier one.
    """
    known = _known()
    found = []
    for name in sorted(environment):
        bare = name.removesuffix(_FILE)
        if not name.startswith(_PREFIX) or name in known or bare in known or name.startswith(_ELSEWHERE):
            continue
        if any(name.startswith(prefix) and name != prefix for prefix in _kafka_prefixes()):
            continue
        near = get_close_matches(bare, known, n=1, cutoff=0.75)
        found.append(f"{name}: nothing reads it" + (f"; is {near[0]} meant?" if near else ""))
    return found


def _known() -> frozenset[str]:
    own = {variable(name, service) for service in SERVICES for name in _PER_SERVICE}
    return frozenset(own | {_url(service) for service in SERVICES} | {variable(name, "") for name in _COMMON})


def _kafka_prefixes() -> list[str]:
    return [KAFKA_PREFIX, *(f"CRM_{service.upper()}_KAFKA_" for service in SERVICES)]


def with_files(environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The environment with what its ``…_FILE`` variables name, and what is wrong with these."""
    given, problems = dict(environment), []
    for name, path in environment.items():
        if not (name.startswith(_PREFIX) and name.endswith(_FILE)) or name in _ARE_FILES:
            continue
        try:
            given[name.removesuffix(_FILE)] = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeError) as error:
            problems.append(f"{name}: can't be read: {type(error).__name__}")
        del given[name]
    return given, problems


def variable(name: str, service: str) -> str:
    """The environment variable of a setting."""
    return f"CRM_{service.upper()}_{name.upper()}" if name in _PER_SERVICE else f"CRM_{name.upper()}"


def kafka_settings(environment: Mapping[str, str], service: str = "") -> dict[str, str]:
    """All ``CRM_KAFKA_…`` variables as librdkafka settings (TLS and SASL pass through this way), those of the service
    in front of everybody's."""
    own = with_prefix(environment, f"CRM_{service.upper()}_KAFKA_") if service else {}
    return with_prefix(environment, KAFKA_PREFIX) | own


def with_prefix(environment: Mapping[str, str], prefix: str) -> dict[str, str]:
    """Variables whose names begin with ``prefix`` as librdkafka settings."""
    return {
        name.removeprefix(prefix).lower().replace("_", "."): value
        for name, value in environment.items()
        if name.startswith(prefix)
    }


def _url(service: str) -> str:
    return f"CRM_{service.upper()}_URL"


def _problems(service: str, error: ValidationError) -> list[str]:
    return [f"{variable(str(problem['loc'][0]), service)}: {problem['msg']}" for problem in error.errors()]
