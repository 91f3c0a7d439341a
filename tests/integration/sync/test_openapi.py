"""Whatever the OpenAPI description allows, sync answers it, and never with a 500."""

from __future__ import annotations

import time
from typing import Any

import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings

from shared.edge.actor import Actor
from shared.pipeline.service import Service
from tests.integration.sync.conftest import SignedIn
from tests.integration.sync.test_customers import claim, registered
from tests.integration.sync.told import Teller, pass_all

SECONDS = 15
EXAMPLES = 60
LEAST = 3
MANY = 30
EVERYBODY = Actor("olga", "Olga", frozenset({"operator", "supervisor", "agent", "rep", "administrator"}))


def test_no_request_makes_sync_fail(sync: Service, callcenter: Teller, signed_in: SignedIn) -> None:
    member = registered(callcenter, claim("city", "Rome"), claim("birth_date", "1980-01-02"))
    pass_all(sync, callcenter)
    client = signed_in(EVERYBODY)
    schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
    operations: list[Any] = [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr]
    # That each route of the code is in the document is tested in tests/contract/test_docs.py.
    assert len(operations) > MANY
    for operation in operations:
        assert ask(client, operation, member, SECONDS / len(operations)) >= LEAST, operation.label


def ask(client: TestClient, operation: Any, member: str | None, seconds: float) -> int:
    """Send what may be sent to one operation, half of it about ``member``; gives how many were answered."""
    until = time.monotonic() + seconds
    answered = 0

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def no_failure(case: Any) -> None:
        nonlocal answered
        if answered >= LEAST and time.monotonic() > until:
            return
        if member and answered % 2 and "member" in case.path_parameters:
            case.path_parameters["member"] = member
        arguments = case.as_transport_kwargs(base_url="http://testserver", headers=dict(client.headers))
        arguments.pop("cookies", None)
        answer = client.request(**arguments)
        assert answer.status_code < 500, answer.text
        answered += 1

    no_failure()
    return answered
