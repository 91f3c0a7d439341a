"""Whether what came of a request is what the model says: each finding is a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx

from shared.access.actions import Action
from shared.pipeline.records import NAME_FIELDS
from tests.access.canaries import FIELDS
from tests.access.model import Model
from tests.access.world import Ask, World, answer, json_of

LET_IN = 503
"""What is answered to a command that was let in, and whose commit a test prevents."""
MASKED = "•••"


def judged(world: World, model: Model, ask: Ask, response: httpx.Response) -> Iterator[str]:
    """What is wrong with an answer."""
    yield from _leave(model, ask, response)
    yield from _seen(world, model, ask, response)
    if ask.finds and response.status_code == 200:
        yield from _found(model, ask, response)
    if ask.record and response.status_code == 200:
        yield from _masked(world, model, ask, response)
    if ask.keeps and response.status_code == 200:
        yield from _kept(world, model, ask.keeps, response)
    if ask.file and response.status_code == 200:
        yield from _file(world, model, response)


def _leave(model: Model, ask: Ask, response: httpx.Response) -> Iterator[str]:
    status = response.status_code
    if not ask.needs and not ask.either:
        if status == 500:
            yield f"is answered with {status}"
    elif not model.allows(ask.needs, ask.either):
        if status not in (403, 404):
            yield f"is answered with {status} although it isn't granted"
    elif status == 403:
        yield f"is refused although it is granted: {response.text[:200]}"
    elif not ask.may_fail and status != (LET_IN if ask.changes else 200):
        yield f"is answered with {status}: {response.text[:300]}"


def _seen(world: World, model: Model, ask: Ask, response: httpx.Response) -> Iterator[str]:
    said = answer(response)
    for canary in world.canaries.found(said):
        if canary.text in json.dumps(ask.body):
            continue
        if not model.shows(canary, ask.shows):
            whose = f"{canary.field or 'something'} of {world.label(canary.member)} ({canary.action})"
            yield f"shows {whose}, which isn't granted"
    for label, member in world.members.items():
        if member != ask.member and member in said and not model.knows_of(member):
            yield f"tells that there is {label}, who is out of reach"


def _found(model: Model, ask: Ask, response: httpx.Response) -> Iterator[str]:
    assert ask.finds is not None
    member, name = ask.finds
    if member in model.gone:
        return
    # A name is looked for in all its fields at once, so it is found by who may see all of them.
    names = NAME_FIELDS if name in NAME_FIELDS else (name,)
    granted = all(model.may(Action.CUSTOMER_READ, member, one) for one in names)
    is_found = member in response.text
    if is_found and not granted:
        yield f"finds a customer by {name}, which isn't granted of it"
    if granted and not is_found:
        yield f"doesn't find a customer by {name}, which is granted of it"


def _masked(world: World, model: Model, ask: Ask, response: httpx.Response) -> Iterator[str]:
    if ask.record in world.gone:
        return
    has = {c.field for c in world.canaries.of(ask.record) if c.action is Action.CUSTOMER_READ and c.field in FIELDS}
    hidden = {name for name in has if name and not model.may(Action.CUSTOMER_READ, ask.record, name)}
    if _is_page(response):
        if hidden and MASKED not in response.text:
            yield f"doesn't say that something is hidden: {sorted(hidden)}"
        return
    named = set(_named(json_of(response)))
    if missing := hidden - named:
        yield f"doesn't name {sorted(missing)} as masked"
    if wrong := (has - hidden) & named:
        yield f"names {sorted(map(str, wrong))} as masked although it is granted"
    lacking = [
        name for name in sorted(has - hidden, key=str) if world.value(ask.record, str(name)) not in response.text
    ]
    if lacking:
        yield f"doesn't show {lacking} although it is granted"


def _kept(world: World, model: Model, action: Action, response: httpx.Response) -> Iterator[str]:
    for label, member in world.members.items():
        granted = model.may(action, member) and member not in world.gone
        if granted != (member in response.text):
            yield f"lacks {label}, which is granted" if granted else f"has {label}, which isn't granted"


def _file(world: World, model: Model, response: httpx.Response) -> Iterator[str]:
    """Of an export: who is in it, what of each, and what of each is named as masked."""
    lines = {one["customer"]: one for one in map(json.loads, response.text.splitlines())}
    for label, member in world.members.items():
        is_in = model.may(Action.CUSTOMER_EXPORT, member) and member not in world.gone
        if is_in != (member in lines):
            yield f"has {label}, which isn't granted" if not is_in else f"lacks {label}, which is granted"
        if not (is_in and member in lines):
            continue
        has = {c.field or "" for c in world.canaries.of(member) if c.action is Action.CUSTOMER_READ} & set(FIELDS)
        shown = {name for name in has if model.may(Action.CUSTOMER_EXPORT, member, name)}
        if set(lines[member]["values"]) & has != shown:
            yield f"has of {label} {sorted(lines[member]['values'])} and not {sorted(shown)}"
        if set(lines[member]["masked"]) & has != has - shown:
            yield f"names as masked of {label} {lines[member]['masked']} and not {sorted(has - shown)}"


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value.get("masked", ())
        for each in value.values():
            yield from _named(each)
    elif isinstance(value, list):
        for each in value:
            yield from _named(each)


def _is_page(response: httpx.Response) -> bool:
    return "html" in response.headers.get("content-type", "")
