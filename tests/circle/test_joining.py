"""In whichever order the four blocks join: each ends in the state that it would have had from the start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import permutations
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from deploy.late_block.left_out import LEFT_OUT
from shared.pipeline.digest import differing, digest
from shared.pipeline.main import Block
from tests.builders import Issuer, SetClock
from tests.circle import history, ids
from tests.circle.steps import Steps, steps
from tests.servers import KafkaServer, PostgresServer

Told = dict[str, list[tuple[str, ...]]]
"""Customer -> what happened."""
DERIVED = ("customer.assigned", "customer.forgotten", "customer.valued", "segment.entered", "segment.left")
ORDERS = tuple(permutations(("callcenter", "marketing", "sfa", "sync")))


@pytest.mark.timeout(900)
def test_every_order_of_joining_ends_in_the_same_state(
    kafka: KafkaServer,
    postgres: PostgresServer,
    blocks: Mapping[str, Block],
    templates: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, issuer = SetClock(), Issuer(tmp_path)
    given = ids.install(monkeypatch, clock)

    def played(order: tuple[str, ...], *, late: bool) -> tuple[dict[str, str], Told]:
        with steps(kafka, postgres, blocks, templates, clock, issuer) as platform:
            made = history.play(platform, given, order, late=late)
            urls = {name: of.settings.database_url for name, of in platform.joined.items()}
            made.at(0)
            return urls, {who: told(platform, member) for who, member in made.known.items() if len(who) == 1}

    from_the_start, everything = played(ORDERS[0], late=False)
    wrong = []
    for order in ORDERS:
        joined, opened = played(order, late=True)
        found = {name: different(block, from_the_start[name], joined[name]) for name, block in blocks.items()}
        print(
            f"{', '.join(order):<35}", *(f"{n} {'differs' if text else 'same'}" for n, text in found.items()), sep="  "
        )
        wrong += [f"{who}'s timeline, joining as {order}" for who in everything if opened[who] != everything[who]]
        wrong += [f"{name}, joining as {', '.join(order)}\n{text}" for name, text in found.items() if text]
    assert not wrong, f"{len(wrong)} states differ\n" + "\n".join(wrong)


def told(platform: Steps, member: str) -> list[tuple[str, ...]]:
    """The timeline of a customer with its texts opened, without derived facts."""
    path = f"/customers/{member}/timeline?limit=200"
    entries = platform["sync"].get(path, "omar", "operator")["entries"]
    primary = [one for one in entries if one["type"] not in DERIVED]
    return sorted((one["type"], one["source"], one["occurred"], json.dumps(one["data"])) for one in primary)


def different(block: Block, one: str, other: str) -> str:
    """What a block keeps in one database and not in the other, as text; empty when they agree."""
    left_out = LEFT_OUT[block.name]
    engines = [create_engine(url) for url in (one, other)]
    try:
        with Session(engines[0]) as first, Session(engines[1]) as second:
            if digest(first, block.metadatas, left_out) == digest(second, block.metadatas, left_out):
                return ""
            found = differing(first, second, block.metadatas, left_out)
    finally:
        for engine in engines:
            engine.dispose()
    return "\n".join(
        f"{table}:\n  from the start {ours}\n  late           {theirs}" for table, (ours, theirs) in found.items()
    )
