"""What a role may not see stays off its devices: items of the feed are one text for all, and masked as they are handed
out.

A device compares what it has with a checkpoint, so one that is given masked items gets a checkpoint of these. That is
worked out anew each time, from the whole scope: the price that masked roles pay, and nobody else. The mask is in the
epoch that the device is told, so that it starts over when its role shows more or less.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from services.sync.devices import rules
from shared.access.actions import TEXT
from shared.access.grants import Fields

SIGN = "~"
"""Between an epoch and the mask."""


def epoch_of(epoch: str, shown: Fields) -> str:
    """The epoch of a scope for who sees these fields."""
    if shown.all:
        return epoch
    return f"{epoch}{SIGN}{sha256(rules.canonical(sorted(shown.names)).encode()).hexdigest()[:16]}"


def masked(body: str, shown: Fields) -> str:
    """A customer's item for who sees these fields; it names what it lacks."""
    item = json.loads(body)
    item["fields"], lacking = shown.mask(item["fields"])
    if TEXT not in shown and item["notes"]:
        item["notes"] = [{name: value for name, value in note.items() if name != "text"} for note in item["notes"]]
        lacking.append(TEXT)
    return rules.canonical({**item, "masked": lacking}) if lacking else body


def checkpoint(bodies: Iterable[str], shown: Fields) -> tuple[int, str]:
    """How many items these are, and their digest, for who sees these fields."""
    digests = [rules.digest_of(masked(body, shown)) for body in bodies]
    return len(digests), rules.exclusive_or(rules.NO_DIGEST, *digests).hex()


def content(one: dict[str, Any], shown: Fields) -> tuple[dict[str, Any], list[str]]:
    """What a device wrote, for who sees these fields, and what it lacks."""
    if "text" in one and TEXT not in shown:
        return {name: value for name, value in one.items() if name != "text"}, [TEXT]
    lacking = sorted({claim["field"] for claim in one.get("claims", ()) if claim["field"] not in shown})
    if not lacking:
        return one, []
    claims = [
        claim if claim["field"] in shown else {name: value for name, value in claim.items() if name != "value"}
        for claim in one["claims"]
    ]
    return {**one, "claims": claims}, lacking
