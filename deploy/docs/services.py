"""The services that are in this checkout, and their parts."""

from __future__ import annotations

import importlib
import json
import tempfile
from pathlib import Path
from types import ModuleType

from fastapi import FastAPI
from joserfc.jwk import KeySet, OKPKey

from shared.edge.settings import Settings
from shared.pipeline.service import Service
from shared.pipeline.subscriptions import Subscriptions

ROOT = Path(__file__).resolve().parents[2]


def names() -> list[str]:
    return sorted(path.parent.name for path in ROOT.glob("services/*/wiring.py"))


def part(service: str, name: str) -> ModuleType:
    return importlib.import_module(f"services.{service}.{name}")


def subscriptions(service: str) -> Subscriptions:
    """What a service hears."""
    found: Subscriptions = part(service, "subscriptions").SUBSCRIPTIONS
    return found


def app(service: str) -> FastAPI:
    """A service's API as it is wired, connected to nothing."""
    with tempfile.TemporaryDirectory() as folder:
        jwks = Path(folder) / "jwks.json"
        jwks.write_text(json.dumps(KeySet([OKPKey.generate_key("Ed25519", private=False)]).as_dict()), encoding="utf-8")
        settings = Settings.model_validate(
            {
                "service": service,
                "database_url": "postgresql+psycopg://nowhere/none",
                "kafka": {"bootstrap.servers": "nowhere"},
                "key_encryption_keys": "none:" + "A" * 43 + "=",
                "port": 1,
                "token_issuer": "none",
                "jwks_file": jwks,
            }
        )
        made: FastAPI = part(service, "wiring").app(settings, Service.of(settings, process="docs"))
        return made
