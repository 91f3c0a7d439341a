"""Rosa's handheld: pulls what she looks after, takes a note and an order off line, hands both in, hears what became
of them."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

REP = "rosa"
NAME = "Rosa's handheld"
PRODUCT, PRICE, CURRENCY = "internet.fiber", 5_000, "USD"
DECIDED_SECONDS = 30.0
PAUSE_SECONDS = 1.0

Say = Callable[[str], None]


def use(sync: str, token: str, store: Path, customer: str, say: Say) -> None:
    """One visit. ``customer``: whom; empty: the first in her territories. Raises ``httpx.HTTPError``.

    The device forgets nothing between two visits: it is kept in ``store``.
    """
    # Only here: the other services' sample needs nothing of sync.
    device: Any = importlib.import_module("services.sync.devices.client")
    with httpx.Client(base_url=sync, timeout=60, trust_env=False) as http:
        handheld = device.Device(store, http)
        handheld.enrol(NAME, token)
        say(f"{NAME} pulls what changed …")
        handheld.synchronize()
        mine = handheld.customers()
        say(f"{len(mine)} customers are on it")
        if not mine:
            say("Nobody is in Rosa's territories yet: is the sample loaded?")
            return
        whom = customer or mine[0]
        note = handheld.note(whom, "Visited; wants faster internet")
        order = handheld.order(whom, [{"product": PRODUCT, "quantity": 1, "unit_price": PRICE}], CURRENCY)
        say(f"Off line: note {note} and order {order} for customer {whom}")
        handheld.synchronize()
        say("Handed in; waiting for sales force automation to decide …")
        until = time.monotonic() + DECIDED_SECONDS
        while handheld.pending() and time.monotonic() < until:
            time.sleep(PAUSE_SECONDS)
            handheld.synchronize()
        seen = handheld.customer(whom) or {"orders": []}
        state = next((one["state"] for one in seen["orders"] if one["order"] == order), "not decided yet")
        say(f"The order is {state}; {len(handheld.pending())} things wait for an answer")
