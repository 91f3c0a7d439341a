"""An open page: follows the stream of updates, and comes again when it breaks, as a browser does."""

from __future__ import annotations

import threading

import httpx

AGAIN_SECONDS = 0.2
SILENCE_SECONDS = 10.0


class Page:
    """Counts the updates that came."""

    def __init__(self, url: str, token: str) -> None:
        self.updates = 0
        self._url, self._headers = url, {"authorization": f"Bearer {token}"}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(2 * SILENCE_SECONDS)

    def _run(self) -> None:
        while not self._stop.wait(AGAIN_SECONDS):
            try:
                with httpx.stream("GET", self._url, headers=self._headers, timeout=SILENCE_SECONDS) as answer:
                    for line in answer.iter_lines():
                        self.updates += line.startswith("event: changed")
                        if self._stop.is_set():
                            return
            except httpx.HTTPError:
                continue
