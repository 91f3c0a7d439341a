"""Every metric that a process of the platform shows, as one typed list (Prometheus names and units).

``…_oldest_seconds`` is how long the oldest of what waits has waited, and 0 when nothing waits. ``…_timestamp_seconds``
is when something was last so, so that it grows old by itself when nobody measures any more. Labels have few values and
none that people chose: no path, no actor, no stream.
"""

from __future__ import annotations

import platform

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The bounds between which durations are counted."""

BUILD = Gauge("crm_build_info", "1, with what runs here", ["service", "process", "version", "python"])
DEPENDENCY_UP = Gauge("crm_dependency_up", "1 while the process can use what it depends on", ["dependency"])
PART_PROGRESS = Gauge("crm_part_progress_timestamp_seconds", "When a part of the process last came round", ["part"])
LOGGED = Counter("crm_logged_total", "Warnings and errors in the log, by their names", ["level", "event"])

HTTP_REQUESTS = Counter("crm_http_requests_total", "Requests answered", ["method", "route", "status"])
HTTP_SECONDS = Histogram(
    "crm_http_request_duration_seconds",
    "From a request to the beginning of its answer",
    ["method", "route"],
    buckets=SECONDS,
)
HTTP_REFUSED = Counter(
    "crm_http_refused_total", "Requests refused, also where a person was sent to sign in instead", ["status"]
)
HTTP_OPEN_STREAMS = Gauge("crm_http_open_streams", "Open pages that are told of changes")

OUTBOX_SENT = Counter("crm_outbox_sent_total", "Outbox rows acknowledged by Kafka and removed")
OUTBOX_UNSENT = Gauge("crm_outbox_unsent", "Outbox rows that wait for the relay")
OUTBOX_OLDEST = Gauge("crm_outbox_oldest_seconds", "Since when the oldest event waits for the relay")
RELAY_LEADS = Gauge("crm_relay_leads", "1 while this process is the one that sends for its service")
RELAY_STOPPED = Gauge("crm_relay_stopped", "1 while the relay refuses to send until recover was run")
AUDIT_STOPPED = Gauge("crm_audit_stopped", "1 while the audit log isn't chained on until recover was run")
AUDIT_OLDEST = Gauge("crm_audit_unlinked_oldest_seconds", "Since when the oldest entry of the audit log isn't linked")

EVENTS_RECEIVED = Counter(
    "crm_events_received_total", "Events by what the gate said of them", ["subscription", "verdict"]
)
CONSUMER_LAG = Gauge(
    "crm_consumer_lag_events", "Events between here and the end of the log", ["subscription", "source"]
)
CONSUMER_NEWEST = Gauge(
    "crm_consumer_newest_timestamp_seconds",
    "When the newest event that was taken in had been recorded",
    ["subscription", "source"],
)
CONSUMER_STOPPED = Gauge("crm_consumer_stopped", "1 while a consumer waits for a person", ["subscription"])
CONSUMER_RETRIES = Counter("crm_consumer_retries_total", "Batches put off for a passing reason", ["subscription"])
HEARD = Gauge(
    "crm_heard_timestamp_seconds",
    "The last sign of life of another service: what is known from it is so old at least",
    ["source"],
)
STREAMS_PARKED = Counter("crm_streams_parked_total", "Streams set aside, by why", ["subscription", "kind"])
PARKED = Gauge("crm_parked_streams", "Streams that wait for a person, by why", ["subscription", "kind"])
PARKED_OLDEST = Gauge("crm_parked_oldest_seconds", "Since when the oldest parked stream waits", ["subscription"])

DUE = Gauge("crm_due_keys", "Keys that are to be worked out anew", ["task"])
DUE_OLDEST = Gauge("crm_due_oldest_seconds", "Since when the oldest of them is due", ["task"])
DUE_DONE = Counter("crm_due_done_total", "Keys that were worked out anew", ["task"])
DUE_FAILED = Counter("crm_due_failed_total", "Keys whose working out failed and was put off", ["task"])
INTENTS_OWED = Gauge("crm_intents_owed", "Outward effects not yet done")
INTENTS_OLDEST = Gauge("crm_intents_oldest_seconds", "Since when the oldest of them is owed")
INTENTS_ENDED = Counter("crm_intents_ended_total", "Outward effects by how they ended", ["effect", "outcome"])


def says(service: str, process: str, version: str) -> None:
    """Show what runs here."""
    BUILD.labels(service, process, version, platform.python_version()).set(1)
