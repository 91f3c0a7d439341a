"""What a process is told from outside: environment variables, checked all at once at start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

KAFKA_PREFIX = "CRM_KAFKA_"


class BadSettings(SystemExit):
    """The environment doesn't say what the process needs; the text names every variable at once."""


class Settings(BaseModel):
    """Settings of one service. ``{S}`` in a variable's name stands for the service's, in capitals."""

    service: str
    database_url: str = Field(description="CRM_{S}_DATABASE_URL: postgresql+psycopg://user:password@host/name")
    kafka: dict[str, str] = Field(
        description="CRM_KAFKA_…: passed to librdkafka in lower case with dots; CRM_KAFKA_BOOTSTRAP_SERVERS at least. "
        "CRM_{S}_KAFKA_…: the same for one service, as CRM_{S}_KAFKA_SASL_PASSWORD; comes first"
    )
    key_encryption_keys: str = Field(
        description="CRM_KEY_ENCRYPTION_KEYS: name:base64,… 32 bytes each, the newest first; the same for all services"
    )
    host: str = Field("127.0.0.1", description="CRM_HOST: the address to listen on")
    port: int = Field(description="CRM_{S}_PORT: the API's port")
    metrics_port: int = Field(0, description="CRM_{S}_METRICS_PORT: the worker's metrics; 0 for none")
    urls: dict[str, str] = Field(
        default_factory=dict, description="CRM_<SERVICE>_URL: where people find each service, for links"
    )
    token_issuer: str = Field(description="CRM_TOKEN_ISSUER: the issuer of access tokens")
    token_audience: str = Field("crm", description="CRM_TOKEN_AUDIENCE")
    jwks_file: Path = Field(description="CRM_JWKS_FILE: the issuer's public keys")
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
    notify_url: str = Field("", description="CRM_NOTIFY_URL: where notices to people are sent as JSON; none if empty")


SERVICES = ("callcenter", "marketing", "sfa", "sync")
_PER_SERVICE = ("database_url", "port", "metrics_port")
_GATHERED = ("service", "kafka", "urls")
"""Not from one variable each."""
_COMMON = tuple(name for name in Settings.model_fields if name not in (*_PER_SERVICE, *_GATHERED))


def load(service: str, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of ``service``. Raises ``BadSettings``, which ends the process with a text for people."""
    values: dict[str, Any] = {"service": service, "kafka": kafka_settings(environment, service)}
    values["urls"] = {s: environment[_url(s)] for s in SERVICES if environment.get(_url(s))}
    for name in (*_PER_SERVICE, *_COMMON):
        if value := environment.get(variable(name, service)):
            values[name] = value
    problems = [] if "bootstrap.servers" in values["kafka"] else [f"{KAFKA_PREFIX}BOOTSTRAP_SERVERS: isn't set"]
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += _problems(service, error)
    if problems:
        raise BadSettings("\n  ".join([f"{service} can't start, its settings are not complete:", *problems]))
    return settings


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
