"""Whatever the OpenAPI description allows, the call center answers it, and never with a 500."""

from __future__ import annotations

import time
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from tests.integration.callcenter.center import CallCenter

SECONDS = 10
EXAMPLES = 20
ROLES = ("agent", "supervisor", "telephony", "importer")


def test_no_request_makes_the_call_center_fail(center: CallCenter) -> None:
    center.ring()
    schema = schemathesis.openapi.from_dict(center.get("/openapi.json").json())
    operations: list[Any] = [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr]
    assert len(operations) >= 15
    for operation in operations:
        assert ask(center, operation, SECONDS / len(operations)) >= 1, operation.label


def ask(center: CallCenter, operation: Any, seconds: float) -> int:
    """Send what may be sent to one operation, for about so long; gives how many requests were answered."""
    headers = {"authorization": f"Bearer {center.issuer.token('sue', *ROLES)}"}
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
        if answered >= 3 and time.monotonic() > until:
            return
        arguments = case.as_transport_kwargs(base_url="http://testserver", headers=headers)
        arguments.pop("cookies", None)
        response = center.client.request(**arguments)
        assert response.status_code < 500, response.text
        answered += 1

    no_failure()
    return answered
