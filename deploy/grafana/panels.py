"""The few kinds of panels that the dashboards are made of."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.models.dashboard import DataSourceRef, Threshold, ThresholdsMode

SOURCE = "prometheus"
"""The variable with which a person chooses among his Prometheus servers."""
SERVER = DataSourceRef(type_val="prometheus", uid="${" + SOURCE + "}")
_HEIGHT = 7


def over_time(title: str, said: str, queries: dict[str, str], unit: str, width: int = 8) -> timeseries.Panel:
    """Lines over time. ``queries``: an expression, and how its lines are called."""
    panel = timeseries.Panel().title(title).description(said).unit(unit).datasource(SERVER).min(0).fill_opacity(8)
    panel = panel.span(width).height(_HEIGHT)
    for expression, called in queries.items():
        panel = panel.with_target(prometheus.Dataquery().expr(expression).legend_format(called).range())
    return panel


def now(title: str, said: str, query: str, unit: str, bad_from: float, width: int = 4) -> stat.Panel:
    """One number a service, green below ``bad_from`` and red from there on."""
    limits = [Threshold(value=None, color="green"), Threshold(value=bad_from, color="red")]
    thresholds = dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(limits)
    panel = stat.Panel().title(title).description(said).unit(unit).datasource(SERVER).thresholds(thresholds)
    target = prometheus.Dataquery().expr(query).legend_format("{{service}}").instant()
    return panel.span(width).height(_HEIGHT - 2).with_target(target)


def page(title: str, uid: str, said: str) -> dashboard.Dashboard:
    """An empty dashboard of the last six hours."""
    source = dashboard.DatasourceVariable(SOURCE).label("Prometheus").type("prometheus")
    made = dashboard.Dashboard(title).uid(uid).description(said).tags(["crm"]).refresh("30s").time("now-6h", "now")
    return made.timezone("browser").readonly().with_variable(source)
