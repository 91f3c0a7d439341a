"""A device in the actor's hands: what it is told is what its role may keep, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import httpx
from sqlalchemy import text

from services.sync.devices.client import Device, OutOfStep
from shared.access.actions import Action
from shared.events.envelope import new_id
from tests.access.model import Need
from tests.access.world import ACTOR, Ask, World, need
from tests.integration.sync.field import Carried, Field

A = Action


class Heard(httpx.BaseTransport):
    """A way to the server that keeps what the server said."""

    def __init__(self, way: httpx.BaseTransport) -> None:
        self._way = way
        self.said: list[httpx.Response] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._way.handle_request(request)
        self.said.append(httpx.Response(answer.status_code, content=answer.read(), headers=answer.headers))
        return answer


class Hand:
    """The device, and what came to it."""

    def __init__(self, world: World, field: Field) -> None:
        self._world = world
        carried: Carried = field.carried(ACTOR)
        self.device: Device = carried.device
        self.heard = Heard(carried.way)
        self._http = httpx.Client(transport=self.heard, base_url="http://sync")
        self.device._http = self._http

    def as_roles(self, roles: Sequence[str]) -> None:
        """The device was renewed by its rep when he had these roles: it keeps them."""
        with self._world.service.engine.begin() as connection:
            given = {"roles": list(roles), "device": self.device.id}
            connection.execute(text("UPDATE device SET roles = :roles WHERE id = CAST(:device AS uuid)"), given)

    def pull(self, roles: Sequence[str]) -> httpx.Response:
        """Everything from the beginning; gives all that was said."""
        self.as_roles(roles)
        with self.device._transaction():
            for table in ("scope", "item"):
                self.device._db.execute(f"DELETE FROM {table}")
        return self._all(self.device.pull)

    def offered(self, roles: Sequence[str]) -> httpx.Response:
        """What can be ordered."""
        self.as_roles(roles)
        return self._all(lambda: self.device._ask("GET", "products"))

    def push(self, roles: Sequence[str]) -> httpx.Response:
        """A note about somebody whom the actor looks after."""
        self.as_roles(roles)
        body = {"number": 1, "kind": "note", "made": "2026-03-02T12:00:00Z"}
        body |= {"customer": self._world.members["region"], "note": new_id(), "text": "hello"}
        sent = {"sent": "2026-03-02T12:00:00Z", "mutations": [body]}
        return self._all(lambda: self.device._ask("POST", "push", json=sent))

    def _all(self, doing: Any) -> httpx.Response:
        self.heard.said.clear()
        with suppress(httpx.HTTPStatusError, OutOfStep):
            doing()
        said = self.heard.said
        worst = max((one.status_code for one in said), default=500)
        return httpx.Response(worst, text="\n".join(one.text for one in said))


def take(world: World, field: Field) -> None:
    """The actor gets a device."""
    world.state["hand"] = Hand(world, field)


def pull(world: World) -> Iterator[Ask]:
    hand: Hand = world.state["hand"]
    path = f"/devices/{hand.device.id}/pull"
    yield Ask(path, need(A.DEVICE_PULL), sender=hand.pull, shows=(A.DEVICE_PULL,), keeps=A.DEVICE_PULL)


def offered(world: World) -> Iterator[Ask]:
    hand: Hand = world.state["hand"]
    yield Ask(f"/devices/{hand.device.id}/products", need(A.DEVICE_PULL), sender=hand.offered)


def push(world: World) -> Iterator[Ask]:
    hand: Hand = world.state["hand"]
    path = f"/devices/{hand.device.id}/push"
    yield Ask(path, (Need(A.DEVICE_PUSH),), sender=hand.push, changes=True, member=world.members["region"])


def renew(world: World) -> Iterator[Ask]:
    hand: Hand = world.state["hand"]
    body = {"key": {"kty": "OKP", "crv": "Ed25519", "x": "B" * 43}}
    yield Ask(f"/devices/{hand.device.id}/renew", need(A.DEVICE_ENROL), body, changes=True)
