"""A fresh publisher and hearer for each test of the pipeline."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.probe import Pair, make_pair
from tests.servers import KafkaServer, PostgresServer


@pytest.fixture
def pair(kafka: KafkaServer, postgres: PostgresServer) -> Iterator[Pair]:
    made = make_pair(kafka, postgres)
    yield made
    made.close()
