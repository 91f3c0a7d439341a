"""Sync alone on a port, for pages that need nothing of the others but what they have told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from playwright.sync_api import Browser

from deploy.local.layout import free_port
from tests.browser.people import People
from tests.browser.platform import HOST, Platform, served
from tests.integration.sync.field import Field, field_of
from tests.servers import PostgresServer


@dataclass
class Alone:
    """What ``People`` needs to know of a platform."""

    field: Field
    urls: dict[str, str]

    def cookie(self, service: str, actor: str, *roles: str, teams: tuple[str, ...] = ()) -> dict[str, str]:
        token = self.field.issuer.token(actor, *roles, teams=teams)
        return {"name": f"crm_{service}", "value": token, "url": self.urls[service]}


@contextmanager
def alone(postgres: PostgresServer, folder: Path) -> Iterator[Alone]:
    """Sync, to be told of what others did with ``field``."""
    with field_of(postgres, folder) as field:
        port = free_port()
        with served(cast(Any, field.app.app), port):
            yield Alone(field, {"sync": f"http://{HOST}:{port}"})


def people_of(browser: Browser, made: Alone) -> People:
    """Who opens its pages."""
    return People(browser, cast(Platform, made))
