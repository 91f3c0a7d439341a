"""Figures come the same out of a Prometheus and out of the processes themselves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from deploy.console import settings
from deploy.console.readings import Processes, Prometheus, Readings
from deploy.console.rules import Sample, services
from shared.edge.health import Health
from shared.edge.settings import BadSettings
from tests.probe import until

METRICS = """# TYPE crm_build_info gauge
crm_build_info{service="sync",process="worker",version="7"} 1.0
# TYPE crm_outbox_unsent gauge
crm_outbox_unsent 3.0
# TYPE python_gc_objects_collected_total counter
python_gc_objects_collected_total{generation="0"} 5.0
"""
QUERIED = """{"status":"success","data":{"resultType":"vector","result":[
{"metric":{"__name__":"crm_build_info","instance":"w:1","job":"crm","service":"sync","process":"worker","version":"7"},
 "value":[1.0,"1"]},
{"metric":{"__name__":"crm_outbox_unsent","instance":"w:1","job":"crm"},"value":[1.0,"3"]}]}}"""


@contextmanager
def serving(body: str) -> Iterator[tuple[str, list[str]]]:
    """A server that answers everything with this; gives its address and what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Not to the test's output."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_both_sources_give_the_same_figures() -> None:
    with serving(METRICS) as (process, _), serving(QUERIED) as (prometheus, asked):
        own, scraped = Processes([process]), Prometheus(prometheus)
        states = []
        for source in (own, scraped):
            readings = Readings(source, lambda: 1.0)
            readings.look()
            states.append([(s.name, s.outbox, [p.name for p in s.processes]) for s in services(readings.kept)])
    assert states == [[("sync", 3.0, ["worker"])]] * 2
    assert "crm|process" in parse_qs(urlsplit(asked[0]).query)["query"][0]


def test_a_process_that_is_away_is_without_figures_and_the_others_have_theirs() -> None:
    with serving(METRICS) as (process, _):
        samples = Processes(["http://127.0.0.1:1", process]).read()
    assert Sample("http://127.0.0.1:1", "up", {}, 0.0) in samples
    assert any(sample.target == process for sample in samples)


def test_a_prometheus_that_is_away_leaves_what_was_read_before() -> None:
    with serving(QUERIED) as (url, _):
        readings = Readings(Prometheus(url), lambda: 1.0)
        readings.look()
    readings.look()
    assert readings.failed == "ConnectError"
    assert len(readings.kept) == 1


def test_settings_say_all_that_is_wrong_at_once() -> None:
    with pytest.raises(BadSettings) as caught:
        settings.load({"CRM_CONSOLE_PORT": "x", "CRM_METRICS_TARGETS": "localhost:1", "CRM_SFA_URL": "sfa"})
    for name in ("CRM_CONSOLE_PORT", "CRM_TOKEN_ISSUER", "CRM_METRICS_TARGETS", "sfa"):
        assert name in str(caught.value)


def test_who_reads_comes_round_as_a_part_of_the_process() -> None:
    health = Health()
    with serving(METRICS) as (url, _), Readings(Processes([url])).running(health):
        until(lambda: "readings" in health.lives()[1]["parts"])
        ok, told = health.lives()
    assert ok
    assert told["parts"]["readings"]["ok"]
    assert health.lives()[1]["parts"] == {}, "it ended with the context"
