"""Ends all sessions of somebody, beside the running issuer: who has left, or whose browser was stolen."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import httpx

from deploy.local.issuer.clients import registered
from deploy.local.issuer.keys import SigningKeys
from deploy.local.issuer.leaving import Teller
from deploy.local.issuer.sessions import Sessions
from deploy.local.issuer.store import Store
from deploy.local.layout import Layout


def end_all_of(
    place: Layout,
    name: str,
    urls: Mapping[str, str],
    subject: str,
    clock: Callable[[], float] = time.time,
    transport: httpx.BaseTransport | None = None,
) -> int:
    """End each session of ``subject`` at the issuer called ``name``, and tell the services; gives how many."""
    store = Store(place.secrets / "issuer.sqlite")
    sessions = Sessions(store, clock)
    keys = SigningKeys(place.secrets / "token-keys.json", clock)
    teller = Teller(name, keys, registered(place, urls), clock, transport)
    sessions.on_end = teller.tell
    try:
        return sessions.end_all_of(subject)
    finally:
        teller.finish()
        store.close()
