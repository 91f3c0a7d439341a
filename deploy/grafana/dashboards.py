"""What is shown: all services beside each other, and one of them closely."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import VariableRefresh

from deploy.grafana.panels import SERVER, now, over_time, page

_ONE = 'service="$service"'


def all_services() -> dashboard.Dashboard:
    """Is everything well, and if it isn't, with whom?"""
    made = page("CRM: all services", "crm-services", "Is everything well, and if it isn't, with whom?")
    for panel in (
        now("Waits for Kafka", "The oldest event that isn't sent", _oldest("crm_outbox_oldest_seconds"), "s", 60),
        now("To be heard", "Events up to the log's end", f"sum by (service) ({_LAG})", "short", 10_000),
        now("Parked", "Streams that wait for a person", "sum by (service) (service:crm_parked_streams:max)", "none", 1),
        now("Stopped", "Relays, consumers and audit logs that wait for a person", _STOPPED, "none", 1),
        now("Failing", "Requests answered with an error, of all", _ratio(), "percentunit", 0.02),
        now("Slow", "Answers that begin after 0.25 s", "service:crm_http_slow:ratio5m", "percentunit", 0.05),
    ):
        made = made.with_panel(panel)
    for title, said, query, called, unit in (
        ("Requests", "Answered in a second", _rate("crm_http_requests_total"), "{{service}}", "reqps"),
        ("99 of 100 answers begin within", "Over all routes", _p99("service"), "{{service}}", "s"),
        ("Open pages", "That are told of changes", "sum by (service) (crm_http_open_streams)", "{{service}}", "none"),
        ("Said", "Events that Kafka took, in a second", _rate("crm_outbox_sent_total"), "{{service}}", "eps"),
        ("Heard", "Events that came, in a second", _rate("crm_events_received_total"), "{{service}}", "eps"),
        ("To be heard", "Events up to the log's end", f"sum by (service) ({_LAG})", "{{service}}", "short"),
        ("As of", "How old is what a service knows from another", _AGE, "{{service}} of {{source}}", "s"),
        ("Outbox", "Events that wait for Kafka", "max by (service) (crm_outbox_unsent)", "{{service}}", "short"),
        ("Errors in the log", "In five minutes", _LOGGED, "{{service}} {{event}}", "none"),
    ):
        made = made.with_panel(over_time(title, said, {query: called}, unit))
    return made


def one_service() -> dashboard.Dashboard:
    """One service, part by part."""
    choose = dashboard.QueryVariable("service").label("Service").query("label_values(up, service)")
    made = page("CRM: one service", "crm-service", "One service, part by part.").with_variable(
        choose.datasource(SERVER).refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    )
    for title, said, queries, unit in (*_ANSWERING, *_PUBLISHING, *_HEARING, *_WORKING, *_RUNNING):
        made = made.with_panel(over_time(title, said, queries, unit))
    return made


_LAG = "service:crm_consumer_lag_events:sum"
_AGE = "time() - max by (service, source) (crm_heard_timestamp_seconds)"
_STOPPED = (
    "max by (service) (crm_relay_stopped) + max by (service) (crm_audit_stopped)"
    " + max by (service) (crm_consumer_stopped)"
)
_LOGGED = 'sum by (service, event) (increase(crm_logged_total{level="error"}[5m]))'


def _oldest(metric: str) -> str:
    return f"max by (service) ({metric})"


def _rate(metric: str) -> str:
    return f"sum by (service) (rate({metric}[5m]))"


def _ratio() -> str:
    failed = 'sum by (service) (rate(crm_http_requests_total{status=~"5.."}[5m]))'
    return f"({failed} or 0 * {_rate('crm_http_requests_total')}) / {_rate('crm_http_requests_total')}"


def _p99(by: str, where: str = "") -> str:
    buckets = f"crm_http_request_duration_seconds_bucket{{{where}}}[5m]"
    return f"histogram_quantile(0.99, sum by ({by}, le) (rate({buckets})))"


Plan = tuple[tuple[str, str, dict[str, str], str], ...]

_ANSWERING: Plan = (
    (
        "Requests by answer",
        "In a second",
        {f"sum by (status) (rate(crm_http_requests_total{{{_ONE}}}[5m]))": "{{status}}"},
        "reqps",
    ),
    (
        "Slowest routes",
        "99 of 100 answers begin within",
        {f"topk(8, {_p99('method, route', _ONE)})": "{{method}} {{route}}"},
        "s",
    ),
    (
        "Refused",
        "401, 403, 413 and 429, in a second",
        {f"sum by (status) (rate(crm_http_refused_total{{{_ONE}}}[5m]))": "{{status}}"},
        "reqps",
    ),
)
_PUBLISHING: Plan = (
    ("Outbox", "Events that wait for Kafka", {f"max(crm_outbox_unsent{{{_ONE}}})": "waiting"}, "short"),
    (
        "Oldest in the outbox",
        "And the oldest entry of the audit log that isn't linked",
        {
            f"max(crm_outbox_oldest_seconds{{{_ONE}}})": "outbox",
            f"max(crm_audit_unlinked_oldest_seconds{{{_ONE}}})": "audit",
        },
        "s",
    ),
    ("Who sends", "One worker leads", {f"crm_relay_leads{{{_ONE}}}": "{{instance}}"}, "none"),
)
_HEARING: Plan = (
    (
        "Heard, by verdict",
        "Events in a second",
        {f"sum by (verdict) (rate(crm_events_received_total{{{_ONE}}}[5m]))": "{{verdict}}"},
        "eps",
    ),
    (
        "To be heard",
        "Events up to the log's end",
        {f"sum by (subscription, source) (crm_consumer_lag_events{{{_ONE}}})": "{{subscription}} of {{source}}"},
        "short",
    ),
    (
        "As of",
        "How old is the newest that was taken in",
        {
            f"time() - max by (subscription, source) (crm_consumer_newest_timestamp_seconds{{{_ONE}}})": (
                "{{subscription}} of {{source}}"
            )
        },
        "s",
    ),
    (
        "Parked",
        "Streams that wait for a person",
        {f"max by (subscription, kind) (crm_parked_streams{{{_ONE}}})": "{{subscription}}: {{kind}}"},
        "none",
    ),
    (
        "Put off",
        "Batches tried again, in a second",
        {f"sum by (subscription) (rate(crm_consumer_retries_total{{{_ONE}}}[5m]))": "{{subscription}}"},
        "none",
    ),
)
_WORKING: Plan = (
    ("Due", "Keys to be worked out anew", {f"max by (task) (crm_due_keys{{{_ONE}}})": "{{task}}"}, "short"),
    ("Oldest due", "How far tasks are behind", {f"max by (task) (crm_due_oldest_seconds{{{_ONE}}})": "{{task}}"}, "s"),
    (
        "Worked out",
        "Keys in a second",
        {
            f"sum by (task) (rate(crm_due_done_total{{{_ONE}}}[5m]))": "{{task}}",
            f"sum by (task) (rate(crm_due_failed_total{{{_ONE}}}[5m]))": "{{task}} failed",
        },
        "none",
    ),
    (
        "Owed to people",
        "Notices, and how long the oldest waits",
        {
            f"max(crm_intents_owed{{{_ONE}}})": "owed",
            f"max(crm_intents_oldest_seconds{{{_ONE}}})": "seconds",
        },
        "none",
    ),
)
_RUNNING: Plan = (
    ("Memory", "Of each process", {f"process_resident_memory_bytes{{{_ONE}}}": "{{process}} {{instance}}"}, "bytes"),
    (
        "Processor",
        "Cores of each process",
        {f"rate(process_cpu_seconds_total{{{_ONE}}}[5m])": "{{process}} {{instance}}"},
        "none",
    ),
    (
        "Can't be used",
        "What processes depend on",
        {f"crm_dependency_up{{{_ONE}}} == 0": "{{process}}: {{dependency}}"},
        "none",
    ),
)
