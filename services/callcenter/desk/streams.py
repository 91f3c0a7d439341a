"""The stream that tells an open page that what it shows has changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from fastapi.concurrency import run_in_threadpool
from fastapi.sse import ServerSentEvent

from shared.edge.actor import Actor
from shared.edge.errors import Refused
from shared.edge.live import Live, send

STREAM_SECONDS = 300
"""After this long a stream ends and the browser comes again."""


async def changes(
    live: Live, again: Callable[[], Actor], topics: Callable[[Actor], set[str]]
) -> AsyncIterator[ServerSentEvent]:
    """An event now, and with every change of these live topics. What is to be heard follows from what is shown, so
    ``topics`` is asked anew before each; also ``again``, and where one of both refuses, the stream ends."""
    loop = asyncio.get_running_loop()
    until = loop.time() + STREAM_SECONDS
    while loop.time() < until:
        try:
            heard = await run_in_threadpool(lambda: topics(again()))
        except Refused:
            return
        async with live.subscribed(heard) as subscription:
            for event in send(ServerSentEvent(event="changed", data="")):
                yield event
            await subscription.changed()
