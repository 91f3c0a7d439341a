from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.callcenter.wiring import BLOCK as CALLCENTER
from services.marketing.wiring import BLOCK as MARKETING
from services.sfa.wiring import BLOCK as SFA
from services.sync.wiring import BLOCK as SYNC
from shared.pipeline.main import Block
from tests.builders import Issuer, SetClock
from tests.circle import steps
from tests.circle.steps import Steps
from tests.servers import KafkaServer, PostgresServer

BLOCKS = {block.name: block for block in (CALLCENTER, MARKETING, SFA, SYNC)}


@pytest.fixture(scope="session")
def blocks() -> dict[str, Block]:
    """The four services."""
    return BLOCKS


@pytest.fixture(scope="session")
def templates(postgres: PostgresServer) -> dict[str, str]:
    """A migrated database of each."""
    return steps.templates(postgres, BLOCKS.values())


@pytest.fixture
def platform(
    kafka: KafkaServer, postgres: PostgresServer, templates: dict[str, str], tmp_path: Path
) -> Iterator[Steps]:
    """A platform that none of the four has joined yet."""
    with steps.steps(kafka, postgres, BLOCKS, templates, SetClock(), Issuer(tmp_path)) as made:
        yield made
