"""A relay in a process of its own, as a worker has one, but nothing else: so that what it takes can be seen."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import psutil

from shared.edge import db
from shared.edge.clock import system_clock
from shared.edge.wakeup import Wakeup
from shared.pipeline.relay import Relay, is_led
from shared.pipeline.sealing import KeyEncryptionKeys
from shared.pipeline.service import Service
from tests.builders import KEKS

START_SECONDS = 60.0


@contextmanager
def relaying(service: Service) -> Iterator[psutil.Process]:
    """A relay of ``service`` that leads, until the context ends."""
    here, there = multiprocessing.Pipe()
    url = service.engine.url.render_as_string(hide_password=False)
    arguments = (service.name, url, dict(service.kafka), there)
    process = multiprocessing.get_context("spawn").Process(target=_relay, args=arguments, daemon=True)
    process.start()
    there.close()
    try:
        deadline = time.monotonic() + START_SECONDS
        while not is_led(service):
            if not process.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the relay doesn't lead")
            time.sleep(0.05)
        yield psutil.Process(process.pid)
    finally:
        here.close()
        process.join(timeout=10)
        process.kill()


def _relay(name: str, url: str, kafka: dict[str, str], pipe: Connection) -> None:
    keks = KeyEncryptionKeys.from_text(KEKS)
    service = Service(name, db.connect(url, name=name), kafka, keks, system_clock, Wakeup(url))
    stop = threading.Event()
    relay = threading.Thread(target=Relay(service, stop, heads_seconds=3600).run)
    relay.start()
    # Readable when the other end is closed.
    pipe.poll(None)
    stop.set()
    relay.join()
