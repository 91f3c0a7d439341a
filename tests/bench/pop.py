"""``desk.pop``: from a ring to the card in the agent's browser, with 50 agents on line and 20 calls a second.

The API of the call center as shipped, one process. Some of the agents sit at real pages in a real Chromium; the others
are clients that do over the wire what a page does: hold its stream, which brings what the page shows. Calls ring for
one agent after the other and are given up before that agent's next one. What is measured is the real pages' share: from
when the telephone system sends the ring to when the card stands in the page.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
from playwright.async_api import Page, async_playwright
from uuid_utils import uuid7

from deploy.docs.results import Result
from tests.bench import customers, serving
from tests.bench.clients import HOST, request
from tests.bench.figures import Figure, at_most, percentile
from tests.bench.machine import Machine, plain
from tests.browser.chromium import ARGUMENTS, installed
from tests.builders import Issuer

AGENTS, RATE, SECONDS, REAL = 50, 20.0, 60.0, 5
SMALL_AGENTS, SMALL_RATE, SMALL_SECONDS, SMALL_REAL = 4, 4.0, 3.0, 1
WARM_SECONDS = 5.0
GIVEN_UP_SECONDS = 1.5
PATIENCE_SECONDS = 30.0
WATCH = """() => {
  window.seen = {};
  const look = () => {
    for (const card of document.querySelectorAll("article[id^='call-']")) window.seen[card.id.slice(5)] ??= Date.now();
  };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, attributes: true });
}"""


@dataclass
class Telephone:
    """Lets calls ring and gives them up."""

    client: httpx.AsyncClient
    headers: Mapping[str, str]
    numbers: Iterator[str]
    rung: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Contact -> the agent and when the ring was sent, in seconds of the epoch."""

    async def call(self, agent: str) -> None:
        """One call for an agent, given up before long."""
        sent = time.time()
        body = {"call": str(uuid.uuid4()), "number": next(self.numbers), "queue": "general", "agent": agent}
        contact = str((await self._post("/telephony/ring", body))["contact"])
        self.rung[contact] = (agent, sent)
        await asyncio.sleep(GIVEN_UP_SECONDS)
        await self._post(f"/contacts/{contact}/abandon", {})

    async def _post(self, path: str, body: Mapping[str, str]) -> dict[str, object]:
        headers = {**self.headers, "idempotency-key": str(uuid.uuid4())}
        answer = await self.client.post(path, json=dict(body), headers=headers)
        answer.raise_for_status()
        told: dict[str, object] = answer.json()
        return told


def measure(machine: Machine) -> Iterator[Result]:
    full = machine.size.full
    agents, rate = (AGENTS, RATE) if full else (SMALL_AGENTS, SMALL_RATE)
    seconds, real = (SECONDS, REAL) if full else (SMALL_SECONDS, SMALL_REAL)
    machine.kafka.forget(["callcenter"])
    issuer = Issuer(machine.folder)
    members = [str(uuid7()) for _ in range(machine.size.customers)]
    names = [f"agent{number}" for number in range(agents)]
    with machine.service("callcenter") as service:
        with plain(service) as connection:
            customers.fill(service, connection, members)
        with serving.api(machine, service, issuer, "callcenter") as port:
            took = asyncio.run(_work(port, issuer, names, real, rate, seconds, len(members)))
    milliseconds = sorted(1000 * each for each in took)
    more = {"agents": agents, "real_pages": real, "calls_a_second": rate, "calls_seen": len(took)}
    for share, most in ((0.5, None), (0.99, 250.0)):
        value = round(percentile(milliseconds, share), 1)
        of = f"p{share * 100:.0f}"
        yield Result(figure="desk.pop", of=of, value=value, unit="ms", most=most, runs=[value], more=more)


async def _work(
    port: int, issuer: Issuer, names: Sequence[str], real: int, rate: float, seconds: float, known: int
) -> list[float]:
    """Seconds from ring to card, of the calls for agents at real pages."""
    until = datetime.now(UTC) + timedelta(hours=1)
    tokens = {name: issuer.token(name, "agent", expires=until) for name in names}
    telephone_token = issuer.token("telephony", "telephony", expires=until)
    # A connection that was silent for seconds may be closed at the moment that it is used again.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=f"http://{HOST}:{port}", timeout=PATIENCE_SECONDS, limits=limits, trust_env=False
            )
        )
        for name in names:
            body = {"queues": ["general"]}
            headers = {"authorization": f"Bearer {tokens[name]}", "idempotency-key": str(uuid.uuid4())}
            (await client.post("/desk/queues", json=body, headers=headers)).raise_for_status()
        pages = await stack.enter_async_context(_browser(port, {name: tokens[name] for name in names[:real]}))
        plain_pages = [asyncio.create_task(_plain_page(port, tokens[name])) for name in names[real:]]
        stack.callback(lambda: [task.cancel() for task in plain_pages])
        telephone = Telephone(
            client, {"authorization": f"Bearer {telephone_token}"}, itertools.cycle(map(customers.number, range(known)))
        )
        await _ring(telephone, names, rate, WARM_SECONDS if seconds == SECONDS else 0.0)
        telephone.rung.clear()
        await _ring(telephone, names, rate, seconds)
        return await _seen(telephone, pages)


async def _ring(telephone: Telephone, names: Sequence[str], rate: float, seconds: float) -> None:
    """Calls at this rate, for one agent after the other."""
    began, turns = time.perf_counter(), itertools.cycle(names)
    async with asyncio.TaskGroup() as calls:
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            calls.create_task(telephone.call(next(turns)))


async def _seen(telephone: Telephone, pages: Mapping[str, Page]) -> list[float]:
    """Of each call for a real page: from ring to card. Raises ``AssertionError`` for a card that never came."""
    seen: dict[str, float] = {}
    for page in pages.values():
        seen |= json.loads(await page.evaluate("JSON.stringify(window.seen)"))
    calls = {contact: sent for contact, (agent, sent) in telephone.rung.items() if agent in pages}
    missing = [contact for contact in calls if contact not in seen]
    assert not missing, f"{len(missing)} of {len(calls)} calls never showed a card"
    return [seen[contact] / 1000 - sent for contact, sent in calls.items()]


async def _plain_page(port: int, token: str) -> None:
    """What a page does, without drawing it, at the least cost to the machine that all share."""
    headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
    events, told = await asyncio.open_connection(HOST, port)
    told.write(request("GET", "/live?current=true", headers))
    while await events.read(65_536):
        pass


@asynccontextmanager
async def _browser(port: int, tokens: Mapping[str, str]) -> AsyncIterator[dict[str, Page]]:
    """Each agent's desk in a real browser, which notes when a contact's card appears."""
    program, environment = installed()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=ARGUMENTS, env={**environment})
        pages = {}
        for name, token in tokens.items():
            context = await browser.new_context()
            url = f"http://{HOST}:{port}"
            await context.add_cookies([{"name": "crm_callcenter", "value": token, "url": url}])
            pages[name] = await context.new_page()
            await pages[name].goto(url)
            await pages[name].evaluate(WATCH)
        yield pages
        await browser.close()


FIGURES = (Figure("desk.pop", "ring to card, 50 agents, 20 calls/s: p99 of 250 ms at most", measure, at_most(250)),)
