"""The signs that a process gives of itself on a port of its own: metrics, and whether it lives and is ready.

Apart from the port that people and other machines come to, so that no way in from outside leads here: what is measured
says how much a company does, and who is refused.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import make_wsgi_app

from shared.edge.health import Answer, Health

SLOW_SECONDS = 5.0
"""A client that takes longer is given up."""


class Signs:
    """Serves them until it is closed."""

    def __init__(self, host: str, port: int, health: Health) -> None:
        """Raises ``OSError`` when the port is taken."""
        self._server = _Server((host, port), _Handler)
        self._server.set_app(_app(health))
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, name="signs", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _app(health: Health) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    metrics = make_wsgi_app()
    answers: dict[str, Callable[[], Answer]] = {"/healthz": health.lives, "/readyz": health.ready}

    def app(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        answer = answers.get(environ.get("PATH_INFO", ""))
        if answer is None:
            found: Iterable[bytes] = metrics(environ, start)
            return found
        ok, body = answer()
        status = HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE
        start(f"{status.value} {status.phrase}", [("content-type", "application/json"), ("cache-control", "no-store")])
        return [json.dumps(body).encode()]

    return app


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    allow_reuse_address = True


class _Handler(WSGIRequestHandler):
    timeout = SLOW_SECONDS

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: who looks does so every few seconds."""

    def address_string(self) -> str:
        # Without asking for the name of whoever looks.
        return str(self.client_address[0])
