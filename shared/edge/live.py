"""Live updates: what was committed, told to open pages. One LISTEN connection a process, fanned out by topic.

A signal only says that something of a topic changed. What every page of an agent shows is read then, once, and comes
along with the event; other parts of a page are asked for by it. So a lost signal is made good by the next look, and a
slow page costs no memory: what it hasn't taken yet is a set of its own topics.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import SystemRandom
from urllib.parse import quote

import psycopg
import structlog
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import ServerSentEvent

from shared.edge import faults
from shared.edge.actor import Actor
from shared.edge.errors import Refused, TooMany
from shared.edge.health import Health, alive
from shared.edge.wakeup import TOUCHED, plain_url
from shared.texts import N_

STREAM_SECONDS = 300
"""After this long a stream ends and the browser comes again."""
RECONNECT_SECONDS = 1.0
RETRY_SECONDS = 30
LOOK_SECONDS = 5.0
"""After this long without a signal it is asked whether the connection that they come on still stands."""
CHECK_SECONDS = 120.0
"""After about this long without a signal it is asked anew whether a stream may go on, and what it is to hear of. Not
sooner: thousands of pages are open, and nothing happens in most of them."""
ROUND_SECONDS = 12.0
"""So often, about, a stream says whose it is: a round costs next to nothing."""
MOST_STREAMS = 50
"""Open at once of one actor in one process; nobody has so many pages before him."""

_random = SystemRandom()
log = structlog.get_logger(__name__)


def topic(kind: str, name: str) -> str:
    """The name of a live topic, such as ``agent/anna``; never with a space, whatever the name has."""
    return f"{kind}/{quote(name, safe='')}"


@dataclass(frozen=True)
class Told:
    """What a page is told: the topics that it is to hear of next, and parts of it as they are now."""

    topics: Set[str]
    parts: Mapping[str, str] = field(default_factory=dict)
    """Name of an event -> the HTML of the part that takes it (``sse-swap``)."""


class Subscription:
    """What one page wants to hear of."""

    def __init__(self, topics: Iterable[str]) -> None:
        self.topics = frozenset(topics)
        self._due: set[str] = set()
        self._woken = asyncio.Event()
        self._reading = self._missed = False

    def tell(self, topics: Iterable[str]) -> None:
        """Note those of the topics that are wanted; never waits."""
        if self._reading:
            self._due.update(topics)
        elif heard := self.topics.intersection(topics):
            self._due |= heard
            self._woken.set()

    def tell_all(self) -> None:
        """Everything may have changed."""
        self._missed = self._reading
        self.tell(self.topics)

    def read(self) -> None:
        """What is shown is being read, from which follows what is wanted: until that is known, note whatever comes, as
        it may have come too late for what is read."""
        self._reading = True

    def want(self, topics: Iterable[str]) -> None:
        """These from now on; of what came since ``read``, those of them."""
        self.topics, self._reading = frozenset(topics), False
        came, self._due = self._due, set()
        self.tell(self.topics if self._missed else came)
        self._missed = False

    async def changed(self, within: float | None = None) -> frozenset[str]:
        """The topics that changed since the last call, as soon as there is one.

        None of them after ``within`` seconds; if not given after ``ROUND_SECONDS``, give or take, so that many pages
        don't come all at once.
        """
        try:
            async with asyncio.timeout(ROUND_SECONDS * _random.uniform(0.75, 1.0) if within is None else within):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()
        due, self._due = frozenset(self._due), set()
        return due


class Live:
    """Hears the signals of all processes of the service. Use ``running`` around its life."""

    def __init__(self, url: str) -> None:
        self._url = plain_url(url)
        self._subscriptions: set[Subscription] = set()
        self._open: Counter[str] = Counter()
        """Actor -> how many streams of his are open."""
        self.listening = asyncio.Event()
        """Set while signals are heard."""
        self.ending = False
        self._loop: asyncio.AbstractEventLoop | None = None

    @asynccontextmanager
    async def running(self, of: Health | None = None) -> AsyncIterator[None]:
        """Listen in the background, for as long as the context is open. ``of``: whose part this is."""
        self._loop = asyncio.get_running_loop()
        task = asyncio.create_task(self._listen(of or Health()), name="live")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @asynccontextmanager
    async def subscribed(self, topics: Iterable[str], whose: str = "") -> AsyncIterator[Subscription]:
        """A subscription to these topics while the context is open."""
        subscription = Subscription(topics)
        self._subscriptions.add(subscription)
        self._open[whose] += 1
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
            self._open -= Counter([whose])

    def refuse_if_many(self, actor: Actor) -> None:
        """Raises ``TooMany`` for an actor who has as many streams open as one may have."""
        if self._open[actor.id] >= MOST_STREAMS:
            said = N_("%(most)s live pages of yours are open; close some of them")
            raise TooMany(said, RETRY_SECONDS, most=MOST_STREAMS)

    def end(self) -> None:
        """End all streams, as the process will: browsers come again, to another one. From any thread."""
        self.ending = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._tell_all)

    def _tell_all(self) -> None:
        for subscription in self._subscriptions:
            subscription.tell_all()

    async def _listen(self, of: Health) -> None:
        with of.part("live"):
            while True:
                alive()
                try:
                    connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, connect_timeout=5)
                    async with connection:
                        await self._hear(connection)
                except (psycopg.Error, TimeoutError) as error:
                    log.warning("live.lost", error=type(error).__name__)
                finally:
                    self.listening.clear()
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _hear(self, connection: psycopg.AsyncConnection) -> None:
        await connection.execute(f"LISTEN {TOUCHED}")
        self.listening.set()
        # What was signalled while nobody listened is unknown, so everything may have changed.
        self._tell_all()
        while True:
            alive()
            async for notify in connection.notifies(timeout=LOOK_SECONDS):
                topics = notify.payload.split()
                for subscription in self._subscriptions:
                    subscription.tell(topics)
            # A connection that was cut without a word would be silent for ever.
            async with asyncio.timeout(LOOK_SECONDS):
                await connection.execute("SELECT 1")


async def changes(
    live: Live,
    again: Callable[[], Actor],
    look: Callable[[Actor], Set[str] | Told],
    here: Callable[[Actor], None] | None = None,
    pause: float = 0.0,
) -> AsyncIterator[ServerSentEvent]:
    """An event now, and with every change of these live topics. What is to be heard follows from what is shown, so
    ``look`` is asked anew before each, for the topics alone or with parts of the page, which are sent before the event;
    also ``again``, and where one of both refuses, the stream ends. What is to be heard changing is a change too: it
    shows what a lost signal would have told. ``here`` is told every few seconds whose stream is open. ``pause``: so
    many seconds at least between two events."""
    loop = asyncio.get_running_loop()
    until = loop.time() + STREAM_SECONDS
    try:
        whose = again().id
    except Refused:
        return
    async with live.subscribed((), whose) as subscription:
        due, check = True, 0.0
        while loop.time() < until and not live.ending:
            try:
                actor = again()
                if here is not None:
                    await run_in_threadpool(here, actor)
                if due or loop.time() >= check:
                    subscription.read()
                    found = await run_in_threadpool(look, actor)
                    told = found if isinstance(found, Told) else Told(found)
                    before = subscription.topics
                    subscription.want(told.topics)
                    check = loop.time() + CHECK_SECONDS * _random.uniform(0.75, 1.0)
                    if due or told.topics != before:
                        for event in send(_events(told)):
                            yield event
                        await asyncio.sleep(pause)
            except Refused:
                return
            due = bool(await subscription.changed())


def _events(told: Told) -> list[ServerSentEvent]:
    parts = [ServerSentEvent(event=name, raw_data=html) for name, html in told.parts.items()]
    return [*parts, ServerSentEvent(event="changed", data="")]


def send(events: Sequence[ServerSentEvent]) -> list[ServerSentEvent]:
    """The events as they are to be sent to a page: once, unless a fault is armed."""
    sent: list[ServerSentEvent] = []
    faults.at("live.send", lambda: sent.extend(events))
    return sent
