"""``desk.page``: every page that links lead to, rendered with the full sample behind it, as a browser asks for it."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from deploy.docs.results import Result
from deploy.local.layout import port_variable
from tests.bench import serving
from tests.bench.clients import HOST, one_by_one, request
from tests.bench.figures import Figure, at_most, percentile
from tests.bench.machine import Machine
from tests.bench.platform import whole_platform
from tests.builders import Issuer

READERS = {
    "callcenter": ("sofia", "ada"),
    "marketing": ("marta", "ada"),
    "sfa": ("samuel", "ada"),
    "sync": ("omar", "ada"),
}
"""Who looks at the pages of each service: people of the sample who together may see all of them."""
EXAMPLES = 3
"""Pages of one kind: three customers, three orders …"""
TIMES = 40
"""So often each of them is asked for."""
WARM_TIMES = 5
SMALL_TIMES = 3
MOST_PAGES = 400
_LINK = re.compile(r'href="(/[^"#]*)')
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Z]{0,4}-?\d+")
_NO_PAGE = re.compile(
    r"^/(static|sign-in|session|exports/|openapi|handheld|customers/export)|\.(csv|ndjson|json)\b|format="
)


@dataclass(frozen=True)
class Reader:
    """Somebody signed in at a service."""

    port: int
    headers: Mapping[str, str]


def measure(machine: Machine) -> Iterator[Result]:
    times = TIMES if machine.size.full else SMALL_TIMES
    slowest: dict[str, float] = {}
    middle: dict[str, float] = {}
    with _readers(machine) as readers:
        for service, people in readers.items():
            found: dict[str, tuple[Reader, list[str]]] = {}
            for reader in people:
                for kind, paths in crawled(reader).items():
                    found.setdefault(kind, (reader, paths))
            for kind, (reader, paths) in sorted(found.items()):
                asked = [request("GET", path, reader.headers) for path in paths]
                one_by_one(reader.port, asked * WARM_TIMES)
                milliseconds = [1000 * took for took in one_by_one(reader.port, asked * times)]
                slowest[f"{service} {kind}"] = round(percentile(milliseconds, 0.99), 1)
                middle[f"{service} {kind}"] = round(percentile(milliseconds, 0.5), 1)
    worst = max(slowest, key=lambda kind: slowest[kind])
    yield Result(
        figure="desk.page",
        value=slowest[worst],
        unit="ms",
        runs=[slowest[worst]],
        more={"slowest": worst, "p99_ms": slowest, "p50_ms": middle, "kinds": len(slowest)},
    )


def crawled(reader: Reader) -> dict[str, list[str]]:
    """Kind of page -> examples: everything that links from the first page lead to, ``EXAMPLES`` of a kind."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    with httpx.Client(base_url=f"http://{HOST}:{reader.port}", timeout=60, trust_env=False) as client:
        left, seen, asked = deque(["/"]), {"/"}, 0
        while left and asked < MOST_PAGES:
            path = left.popleft()
            kind = _ID.sub("…", path.partition("?")[0])
            if len(found[kind]) >= EXAMPLES:
                continue
            answer = client.get(path, headers=dict(reader.headers))
            asked += 1
            if answer.status_code != httpx.codes.OK or "text/html" not in answer.headers.get("content-type", ""):
                continue
            found[kind].append(path)
            links = [link.replace("&amp;", "&") for link in _LINK.findall(answer.text)]
            new = [link for link in dict.fromkeys(links) if link not in seen and not _NO_PAGE.search(link)]
            seen.update(new)
            left.extend(new)
    return {kind: paths for kind, paths in found.items() if paths}


@contextmanager
def _readers(machine: Machine) -> Iterator[dict[str, list[Reader]]]:
    """All services with the sample; at the small size one service without anything in it."""
    if machine.size.full:
        with whole_platform(machine) as platform:
            platform.start(sample=True)
            tokens = {name: platform.token(name) for names in READERS.values() for name in names}
            ports = {service: int(platform.environment[port_variable(service)]) for service in READERS}
            yield {
                service: [Reader(ports[service], _headers(tokens[name])) for name in names]
                for service, names in READERS.items()
            }
        return
    issuer = Issuer(machine.folder)
    token = issuer.token("sofia", "supervisor", expires=datetime.now(UTC) + timedelta(hours=1))
    machine.kafka.forget(["callcenter"])
    with machine.service("callcenter") as service, serving.api(machine, service, issuer, "callcenter") as port:
        yield {"callcenter": [Reader(port, _headers(token))]}


def _headers(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}", "accept": "text/html"}


FIGURES = (
    Figure("desk.page", "each page rendered with the full sample: p99 of 100 ms at most", measure, at_most(100)),
)
