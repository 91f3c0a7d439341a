"""How large a request's body may be."""

from __future__ import annotations

from contextlib import suppress

from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.edge.problems import problem
from shared.texts import N_, Text

LARGEST_BODY = 1_000_000
LARGEST_UPLOAD = 64_000_000


class BodyLimit:
    """Refuses a body that is larger than its route takes, while it comes in: a length may be missing or a lie."""

    def __init__(self, app: ASGIApp, uploads: frozenset[str]) -> None:
        self._app, self._uploads = app, uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = LARGEST_UPLOAD if scope["path"] in self._uploads else LARGEST_BODY
        came, refused = 0, False

        async def counted() -> Message:
            nonlocal came, refused
            message = await receive()
            came += len(message.get("body", b""))
            if came > most:
                refused = True
                return {"type": "http.disconnect"}
            return message

        async def answered(message: Message) -> None:
            if not refused:
                await send(message)

        with suppress(ClientDisconnect):
            await self._app(scope, counted, answered)
        if refused:
            said = Text(N_("a body may have %(most)s bytes here"), {"most": most})
            await problem(HTTPConnection(scope), 413, said)(scope, receive, send)
