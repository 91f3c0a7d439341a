"""A world to try ways in: one service on a database of its own, with customers that lie differently to one actor."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx
import msgspec
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from shared.access.actions import Action, Reach
from shared.access.roles import Role
from shared.edge import faults
from shared.pipeline import standing
from shared.pipeline.service import Service
from tests.access.canaries import Canaries
from tests.access.model import Need
from tests.access.ways import Way
from tests.builders import Issuer

ACTOR = "ada"
TEAMS = ("billing",)
PAGE = {"accept": "text/html"}
UNCHANGING = ("audit_", "command_result", "alembic_version", "access_role", "export", "device")
"""Beginnings of the names of tables in which a refusal may leave something."""
PATIENCE = 20.0


@dataclass(frozen=True)
class Ask:
    """One request that comes to a way, and what should come of it."""

    path: str
    needs: tuple[Need, ...]
    """All of this must be granted, else it is refused. None: open to anybody."""
    body: Any = None
    more: Mapping[str, Any] = field(default_factory=dict)
    """What else the client is given: ``data``, ``files``."""
    changes: bool = False
    stream: bool = False
    member: str = ""
    """The customer that is named in the request: its id isn't news."""
    shows: tuple[Action, ...] = ()
    """The actions by which it shows things, in place of each thing's own."""
    finds: tuple[str, str] | None = None
    """A search: the member that fits what is asked for, and the field by which it does."""
    record: str = ""
    """The member whose fields are shown, or named as masked."""
    file: bool = False
    """All customers within reach, with all their fields."""
    onward: Callable[[httpx.Response], str] | None = None
    """From an answer to the path of the next part, empty at the end."""
    sender: Callable[[Sequence[str]], httpx.Response] | None = None
    """Goes the way for these roles where one plain request isn't enough; may go it several times."""
    keeps: Action | None = None
    """By which every customer within reach is in the answer, and nobody else."""
    either: tuple[Need, ...] = ()
    """At least one of these too, if any is named."""
    may_fail: bool = False
    """Even where all is granted it can be refused, for a reason that isn't the actor's."""


@dataclass(frozen=True)
class Change:
    """Something that happens to one customer, and may be none of the actor's business."""

    what: str
    member: str
    seen_by: tuple[tuple[Action, str | None], ...]
    """By any of these actions it is seen; by some only where a field is granted."""
    do: Callable[[], None]
    undo: Callable[[], None] = lambda: None


Fill = Callable[["World"], Iterable[Ask]]


@dataclass(repr=False)
class World:
    """A service, its customers, and all that is known of how they were made."""

    name: str
    service: Service
    client: TestClient
    issuer: Issuer
    known: Mapping[Way, Fill]
    canaries: Canaries = field(default_factory=Canaries)
    members: dict[str, str] = field(default_factory=dict)
    """How a customer lies -> its id."""
    near: dict[str, frozenset[Reach]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    never: frozenset[str] = frozenset()
    """Fields that the service keeps and has no way to show."""
    things: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """Kind -> (id, member) of what hangs on customers."""
    standings: list[standing.Standing] = field(default_factory=list)
    tokens: dict[tuple[str, ...], str] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    """What may happen to customers, as often as it is asked for."""
    state: dict[str, Any] = field(default_factory=dict)
    """What a service's own fills keep."""

    def __repr__(self) -> str:
        return self.name

    def lies(self, label: str, member: str, *reaches: Reach) -> str:
        """Note how a customer lies to the actor."""
        self.members[label] = member
        self.near[member] = frozenset(reaches)
        return member

    def label(self, member: str) -> str:
        """How a customer lies."""
        return next((label for label, id in self.members.items() if id == member), member)

    def value(self, member: str, name: str) -> str:
        """The canary of a customer's field, none if it has none."""
        mine = self.canaries.of(member)
        return next((c.text for c in mine if c.field == name and c.action is Action.CUSTOMER_READ), "")

    def holds(self, kind: str, id: str, member: str) -> str:
        self.things.setdefault(kind, []).append((id, member))
        return id

    def token(self, roles: Sequence[str], actor: str = ACTOR) -> str:
        key = (actor, *roles)
        if key not in self.tokens:
            self.tokens[key] = self.issuer.token(actor, *roles, teams=TEAMS)
        return self.tokens[key]

    def grant(self, roles: Iterable[Role]) -> None:
        """These are the department's own roles from now on; all processes know it."""
        rows = [{"name": role.name, "grants": msgspec.json.encode(role.grants).decode()} for role in roles]
        with self.service.engine.begin() as connection:
            connection.execute(text("DELETE FROM access_role"))
            if rows:
                connection.execute(_ROLE, rows)
        for each in self.standings:
            each.refresh()

    def send(self, way: Way, ask: Ask, roles: Sequence[str], **headers: str) -> httpx.Response:
        """One request of the actor with these roles."""
        sent = {"authorization": f"Bearer {self.token(roles)}", **(PAGE if way.page else {}), **headers}
        if ask.sender:
            return ask.sender(roles)
        if ask.stream:
            return self.portal_stream(ask.path, sent)
        more = dict(ask.more)
        if ask.body is not None:
            more["json"] = ask.body
        response: httpx.Response = self.client.request(way.method, ask.path, headers=sent, **more)
        return response

    def tries(self, way: Way, ask: Ask, roles: Sequence[str]) -> httpx.Response:
        """The same, but whatever it would change isn't committed: then the answer is 503."""
        faults.arm("transact.commit", "raise-before")
        try:
            return self.send(way, ask, roles)
        finally:
            faults.disarm()

    def portal_stream(self, path: str, headers: Mapping[str, str]) -> httpx.Response:
        """The beginning of a stream: what came with its first event."""
        with self.open(path, headers) as opened:
            opened.wait_for(1)
            return opened.response()

    @contextmanager
    def open(self, path: str, headers: Mapping[str, str]) -> Iterator[Open]:
        """A stream that stays open meanwhile."""
        opened = Open(self.client, path, headers)
        opened.start()
        try:
            yield opened
        finally:
            opened.close()

    def digest(self) -> dict[str, str]:
        """Table -> what is in it."""
        with self.service.engine.connect() as connection:
            names = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
            wanted = sorted(name for name in names if not name.startswith(UNCHANGING))
            parts = [
                f"SELECT '{name}', md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM \"{name}\" t"
                for name in wanted
            ]
            return dict(map(tuple, connection.execute(text(" UNION ALL ".join(parts)))))


_ROLE = text("INSERT INTO access_role (name, label, grants) VALUES (:name, '', CAST(:grants AS jsonb))")


class Open:
    """One request to the application whose answer has no end, as a browser has it open."""

    def __init__(self, client: TestClient, path: str, headers: Mapping[str, str]) -> None:
        self._app: FastAPI = client.app  # type: ignore[assignment]
        self._portal = client.portal
        route, _, query = path.partition("?")
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": route,
            "raw_path": route.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(b"host", b"testserver"), *((n.encode(), v.encode()) for n, v in headers.items())],
            "client": ("testclient", 50000),
            "server": ("testserver", 80),
            "state": {},
        }
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._changed = threading.Condition()
        self.ended = threading.Event()
        self.failed: BaseException | None = None

    def start(self) -> None:
        assert self._portal is not None, "the application doesn't run"
        self._future = self._portal.start_task_soon(self._run)

    async def _run(self) -> None:
        self._leave = anyio.Event()
        told = False

        async def receive() -> dict[str, Any]:
            nonlocal told
            if not told:
                told = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await self._leave.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            with self._changed:
                if message["type"] == "http.response.start":
                    self._status, self._headers = message["status"], message.get("headers", [])
                elif message.get("body"):
                    self._parts.append(message["body"])
                self._changed.notify_all()

        try:
            await self._app(self._scope, receive, send)
        except Exception as error:
            self.failed = error
        finally:
            self.ended.set()
            with self._changed:
                self._changed.notify_all()

    @property
    def events(self) -> int:
        """How many came."""
        return b"".join(self._parts).count(b"event: changed")

    @property
    def status(self) -> int:
        return self._status

    def wait_for(self, events: int) -> None:
        """Until so many events came or the answer ended."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.events >= events or self.ended.is_set(), PATIENCE)

    def response(self) -> httpx.Response:
        headers = [(name.decode(), value.decode()) for name, value in self._headers]
        return httpx.Response(self._status, headers=headers, content=b"".join(self._parts))

    def close(self) -> None:
        assert self._portal is not None
        self._portal.call(lambda: self._leave.set())
        if not self.ended.wait(PATIENCE / 10):
            self._future.cancel()
            assert self.ended.wait(PATIENCE)


@contextmanager
def known_standings() -> Iterator[list[standing.Standing]]:
    """Every standing that is made meanwhile; they look only when they are told to, so that a look that was under way
    can't put back what a test has changed."""
    made: list[standing.Standing] = []
    original = standing.Standing.__init__
    seconds = standing.LOOK_SECONDS, standing.STALE_SECONDS

    def remembered(self: standing.Standing, *arguments: Any) -> None:
        original(self, *arguments)
        made.append(self)

    standing.Standing.__init__ = remembered  # type: ignore[method-assign, assignment]
    standing.LOOK_SECONDS = standing.STALE_SECONDS = 3_600.0
    try:
        yield made
    finally:
        standing.Standing.__init__ = original  # type: ignore[method-assign]
        standing.LOOK_SECONDS, standing.STALE_SECONDS = seconds


def need(action: Action, member: str | None = None, *fields: str) -> tuple[Need, ...]:
    return (Need(action, member, fields),)


def answer(response: httpx.Response) -> str:
    """All that an answer says: its headers too."""
    return "\n".join(f"{name}: {value}" for name, value in response.headers.items()) + "\n\n" + response.text


def json_of(response: httpx.Response) -> Any:
    return json.loads(response.text) if "json" in response.headers.get("content-type", "") else None
