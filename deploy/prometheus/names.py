"""Which metrics an expression of Prometheus names, and whether there are such."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import promql_parser
import yaml
from prometheus_client.metrics import MetricWrapperBase

from shared.edge import metrics

RULES = Path(__file__).with_name("rules.yaml")
TESTS = Path(__file__).with_name("rules.test.yaml")
OF_EVERY_TARGET = {
    "up",
    "process_start_time_seconds",
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
}
"""What Prometheus, or its library, shows of each process."""


def rules() -> list[dict[str, Any]]:
    """All rules, those that record and those that call somebody."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def known() -> set[str]:
    """The names that samples of the platform's metrics have, and those that rules record."""
    found = set(OF_EVERY_TARGET) | {rule["record"] for rule in rules() if "record" in rule}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            found |= {name for family in metric.describe() for name in _samples(family.name, family.type)}
    return found


def _samples(name: str, kind: str) -> list[str]:
    if kind == "histogram":
        return [f"{name}_{each}" for each in ("bucket", "count", "sum")]
    return [f"{name}_total"] if kind == "counter" else [name]


def problems(expressions: Iterable[str]) -> list[str]:
    """Expressions that Prometheus couldn't read, and names in them that nothing has."""
    names, found = known(), []
    for each in expressions:
        try:
            promql_parser.parse(each)
        except ValueError as error:
            found.append(f"{each}: {error}")
        found += [f"{each}: there is no {name}" for name in named(each) if name not in names]
    return found


def named(expression: str) -> set[str]:
    """The names of ours in an expression."""
    words = set(re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.sub(r'"[^"]*"|\{[^}]*\}', " ", expression)))
    return {word for word in words if word.startswith(("crm_", "process_", "service:")) or word == "up"}
