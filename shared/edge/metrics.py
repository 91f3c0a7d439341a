"""Every metric that a process of the platform shows, as one typed list (Prometheus names and units)."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

OUTBOX_SENT = Counter("crm_outbox_sent_total", "Outbox rows acknowledged by Kafka and removed")
OUTBOX_UNSENT = Gauge("crm_outbox_unsent", "Outbox rows that wait for the relay")
RELAY_LEADS = Gauge("crm_relay_leads", "1 while this process is the one that sends for its service")
RELAY_STOPPED = Gauge("crm_relay_stopped", "1 while the relay refuses to send until recover was run")
AUDIT_STOPPED = Gauge("crm_audit_stopped", "1 while the audit log isn't chained on until recover was run")
EVENTS_RECEIVED = Counter(
    "crm_events_received_total", "Events by what the gate said of them", ["subscription", "verdict"]
)
CONSUMER_LAG = Gauge("crm_consumer_lag_events", "Events between here and the end of the log", ["subscription"])
CONSUMER_STOPPED = Gauge("crm_consumer_stopped", "1 while a consumer waits for a person", ["subscription"])
CONSUMER_RETRIES = Counter("crm_consumer_retries_total", "Batches put off for a passing reason", ["subscription"])
STREAMS_PARKED = Counter("crm_streams_parked_total", "Streams set aside, by why", ["subscription", "kind"])
DUE = Gauge("crm_due_keys", "Keys that are to be worked out anew", ["task"])
DUE_FAILED = Counter("crm_due_failed_total", "Keys whose working out failed and was put off", ["task"])
INTENTS_OWED = Gauge("crm_intents_owed", "Outward effects not yet done")
INTENTS_ENDED = Counter("crm_intents_ended_total", "Outward effects by how they ended", ["effect", "outcome"])
