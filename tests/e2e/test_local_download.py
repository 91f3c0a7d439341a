"""The first start's download of Kafka: what is said when it fails, and that it can be ended and repeated."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from deploy.local import layout
from tests.e2e.local_checkout import Checkout, wait_until


class Mirror(BaseHTTPRequestHandler):
    """A repository whose answers are whatever ``answer`` does."""

    answer: ClassVar[Callable[[Mirror], None]]
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        type(self).answer(self)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: a broken connection is what is wanted here."""


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    """A checkout without downloads, whose repository is the mirror."""
    Mirror.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        settings = tmp_path / "home" / ".config" / "jgo.conf"
        settings.parent.mkdir(parents=True)
        settings.write_text(f"[repositories]\ncentral = http://127.0.0.1:{server.server_port}\n")
        yield Checkout(tmp_path, HOME=str(tmp_path / "home"), CRM_DOWNLOADS_DIR=str(tmp_path / "downloads"))
        server.shutdown()
        thread.join()


def send_file(request: Mirror, share: float = 1.0) -> None:
    """The jar that was asked for, from this machine's own downloads, or only its first part."""
    content = (layout.downloads() / request.path.lstrip("/")).read_bytes()
    request.send_response(200)
    request.send_header("content-length", str(len(content)))
    request.end_headers()
    request.wfile.write(content[: int(len(content) * share)])


def jars_asked() -> list[str]:
    return [path for path in Mirror.asked if path.endswith(".jar")]


def test_a_broken_download_says_so_and_a_repeat_goes_on(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_clients(request: Mirror) -> None:
        if request.path.endswith(".jar"):
            send_file(request, share=0.5 if "kafka-clients" in request.path else 1.0)
        else:
            request.send_error(404)

    monkeypatch.setattr(Mirror, "answer", break_clients, raising=False)
    code, said = checkout.call("servers")
    assert code == 1
    assert "The download of a jar (kafka-clients-4.3.0.jar) broke off" in said
    assert "Run the same command again" in said
    assert checkout.processes() == []

    fetched = set(jars_asked())
    Mirror.asked.clear()
    monkeypatch.setattr(Mirror, "answer", send_file, raising=False)
    assert checkout.call("download")[0] == 0
    assert {path for path in fetched if "kafka-clients" in path} <= set(jars_asked())
    assert len(jars_asked()) < 46


def test_a_repository_that_refuses_is_said(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mirror, "answer", lambda request: request.send_error(503), raising=False)
    code, said = checkout.call("download")
    assert code == 1
    assert "broke off" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_download_that_hangs_can_be_ended(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    end = threading.Event()
    monkeypatch.setattr(Mirror, "answer", lambda request: end.wait(60), raising=False)
    started = checkout.start("servers")
    wait_until(lambda: bool(Mirror.asked), "the download begins", lambda: started.output)
    assert started.signal(number) == 128 + number
    assert checkout.processes() == []
    end.set()
