from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from services.callcenter.wiring import BLOCK as CALLCENTER
from services.marketing.wiring import BLOCK as MARKETING
from services.sfa.wiring import BLOCK as SFA
from services.sync.wiring import BLOCK as SYNC
from tests.browser import people as at_browsers
from tests.browser.people import People
from tests.browser.platform import Platform
from tests.browser.platform import platform as made_platform
from tests.servers import KafkaServer, PostgresServer

BLOCKS = {block.name: block for block in (CALLCENTER, MARKETING, SFA, SYNC)}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A real browser."""
    with at_browsers.chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def platform(
    kafka: KafkaServer, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Platform]:
    """All four services for the tests of one file; each test takes customers and numbers of its own."""
    with made_platform(kafka, postgres, BLOCKS, tmp_path_factory.mktemp("issuer")) as made:
        yield made


@pytest.fixture
def people(chromium: Browser, platform: Platform) -> Iterator[People]:
    """Opens pages: ``people.open(service, path, actor, *roles)``. Fails the test when a browser complained."""
    made = People(chromium, platform)
    yield made
    made.close()
    assert made.wrong == []
