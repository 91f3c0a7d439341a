"""How Prometheus and Grafana, where they are, come to know the platform."""

from __future__ import annotations

from typing import Any

import yaml

from deploy.grafana.__main__ import made
from deploy.kubernetes.names import PART_OF, PROCESS, SERVICE
from deploy.prometheus import names

Resource = dict[str, Any]


def resources() -> list[Resource]:
    """Where Prometheus finds the processes and as whose it shows their metrics, its rules, and Grafana's dashboards."""
    shown = {SERVICE: "service", PROCESS: "process"}
    relabelled = [
        {"sourceLabels": ["__meta_kubernetes_pod_label_" + _as_label(label)], "targetLabel": name}
        for label, name in shown.items()
    ]
    return [
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PodMonitor",
            "metadata": {"name": "crm", "labels": PART_OF},
            "spec": {
                "selector": {"matchLabels": PART_OF},
                "podMetricsEndpoints": [{"port": "metrics", "interval": "15s", "relabelings": relabelled}],
            },
        },
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": {"name": "crm", "labels": PART_OF},
            "spec": {"groups": yaml.safe_load(names.RULES.read_text())["groups"]},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            # Grafana's usual sidecar looks for this label.
            "metadata": {"name": "crm-dashboards", "labels": PART_OF | {"grafana_dashboard": "1"}},
            "data": made(),
        },
    ]


def _as_label(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name)
