"""Rules name what is there, are tested one by one, and tell who is called what to do."""

from __future__ import annotations

import pytest
import yaml

from deploy.local import layout
from deploy.prometheus import names
from deploy.prometheus.__main__ import settings

ALERTS = [rule for rule in names.rules() if "alert" in rule]
OPERATIONS = layout.ROOT / "docs" / "operations.md"


def test_every_rule_can_be_read_and_names_what_is_there() -> None:
    assert names.problems(rule["expr"] for rule in names.rules()) == []


@pytest.mark.parametrize(
    "expression",
    ["sum(crm_outbox_unsend) > 1", "rate(crm_http_requests[5m])", "service:crm_nothing:sum", "sum by (a (up)"],
)
def test_what_is_not_there_or_not_readable_is_named(expression: str) -> None:
    assert names.problems([expression]) != []


def test_words_in_labels_are_no_metrics() -> None:
    assert names.named('sum by (service) (rate(crm_a_total{route="/crm_b"}[5m]))') == {"crm_a_total"}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_each_alert_is_seen_quiet_and_loud(rule: dict[str, object]) -> None:
    tests = yaml.safe_load(names.TESTS.read_text())["tests"]
    played = [each for test in tests for each in test["alert_rule_test"] if each["alertname"] == rule["alert"]]
    assert any(each["exp_alerts"] for each in played)
    # Once before it is loud, and once on a usual day.
    assert sum(not each["exp_alerts"] for each in played) >= 2


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_each_alert_tells_what_to_do(rule: dict[str, object]) -> None:
    assert f"\n### {rule['alert']}\n" in OPERATIONS.read_text()


def test_every_process_that_tells_is_asked() -> None:
    targets = settings()["scrape_configs"][0]["static_configs"]
    assert {"service": "sync", "process": "worker"} in [each["labels"] for each in targets]
    assert {"service": "callcenter", "process": "streams"} in [each["labels"] for each in targets]
    assert len(targets) == sum(len(layout.processes(service)) for service in layout.services())
