"""The dashboards ask for what is there, each panel for something, and load nothing from elsewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from deploy.grafana.__main__ import made
from deploy.prometheus import names

DASHBOARDS = {name: json.loads(text) for name, text in made().items()}


def expressions(dashboard: Any) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_each_panel_asks_for_what_is_there(name: str) -> None:
    panels = DASHBOARDS[name]["panels"]
    assert len(panels) >= 15
    assert all(panel["targets"] and panel["description"] for panel in panels)
    asked = [each.replace("$service", "sync") for each in expressions(DASHBOARDS[name])]
    assert names.problems(asked) == []


def test_a_dashboard_of_one_service_shows_that_one_alone() -> None:
    assert all('service="$service"' in each for each in expressions(DASHBOARDS["crm-service.json"]))


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_lie_beside_each_other_and_are_asked_of_the_chosen_prometheus(name: str) -> None:
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in DASHBOARDS[name]["panels"]]
    assert len(set(places)) == len(places)
    assert {panel["datasource"]["uid"] for panel in DASHBOARDS[name]["panels"]} == {"${prometheus}"}


def test_between_them_they_show_what_the_alerts_are_about() -> None:
    shown = {name for dashboard in DASHBOARDS.values() for each in expressions(dashboard) for name in names.named(each)}
    recorded = {rule["record"]: rule["expr"] for rule in names.rules() if "record" in rule}
    shown |= {name for each in set(shown) & set(recorded) for name in names.named(recorded[each])}
    called = {name for rule in names.rules() if "alert" in rule for name in names.named(rule["expr"])}
    called = {each for name in called for each in (names.named(recorded[name]) if name in recorded else {name})}
    # Whether a process is there, how often parts come round and which releases run is seen on the operations page.
    elsewhere = {"up", "crm_build_info", "crm_part_progress_timestamp_seconds", "crm_intents_ended_total"}
    assert called - shown == elsewhere
