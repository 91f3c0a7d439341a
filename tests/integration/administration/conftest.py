from __future__ import annotations

from tests.integration.pipeline.conftest import databases, offline, pair
from tests.integration.pipeline.test_recovery import backed_up

__all__ = ["backed_up", "databases", "offline", "pair"]
