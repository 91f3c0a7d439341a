"""docs/settings.md, docs/metrics.md and docs/fault-points.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prometheus_client.metrics import MetricWrapperBase
from pydantic_core import PydanticUndefined

from deploy.console.settings import VARIABLES as CONSOLE
from deploy.docs.meanings import markdown, table
from shared.edge import faults, metrics, settings

SETTINGS = """\
# Settings

Made from the code by `make docs`. A process reads its settings from environment variables, checks all of them at its
start, and ends with exit status 1 and a line for each that is missing or wrong. A variable that begins with `CRM_` and
that nothing reads is warned of, with the one that it is like. `<SERVICE>` stands for the service's name in capitals:
`CRM_SYNC_DATABASE_URL`. Any variable may be given as a file, as secrets are in containers:
`CRM_SYNC_DATABASE_URL_FILE` names a file that holds the value.
"""

OTHERS: Mapping[str, str] = {
    "CRM_LOCAL_DIR": "`make run`: the folder of its data; `.local` in the checkout by default",
    "CRM_DOWNLOADS_DIR": "`make run`: where Kafka's jars, and what checks need, are; `.local/downloads` by default",
    "CRM_CONTAINER_ENGINE": "`make images`: the program that builds and runs containers; else podman, else docker",
    "CRM_VERSION": "compose, in `.env`: which release of the images to run",
    "CRM_LOCAL_KAFKA_PORT": "`make run`: the port of the embedded Kafka",
    "CRM_LOCAL_KAFKA_CONTROLLER_PORT": "`make run`: the port of Kafka's controller",
    "CRM_LOCAL_POSTGRES_PORT": "`make run`: the port of the embedded PostgreSQL",
    "CRM_LOCAL_ISSUER_PORT": "`make run`: the port of the embedded issuer; with CRM_TOKEN_ISSUER set there is none",
    "CRM_LOCAL_CONSOLE_PORT": "`make run`: the port of the console",
    "CRM_LOCAL_STATE": "set by `make run` in its processes, by which it finds what an earlier run left",
    "CRM_ACCESS_EXAMPLES": "tests: how many made-up roles the property test of access tries",
    "CRM_FAULT": "tests: fault points to arm, `point=mode@hit` with commas between",
    "CRM_FAULT_LOG": "tests: a file that is told which faults struck",
    "CRM_FAULT_SECONDS": "`make faults`: for how long",
    "CRM_FAULT_SEED": "`make faults`: the seed of a run that is to be repeated",
    "CRM_PICTURES": "`make pictures`: the folder for pictures of pages",
    "CRM_TEST_KAFKA_BOOTSTRAP_SERVERS": "tests: a Kafka to use in place of a container or an embedded one; all "
    "CRM_TEST_KAFKA_… are its administrator's settings",
    "CRM_TEST_DATABASE_URL": "tests: a PostgreSQL superuser's URL, likewise",
}
"""Variables that no service reads through its settings; a test finds one that isn't listed."""

METRICS = """\
# Metrics

Made from the code by `make docs`. A worker shows them on `CRM_<SERVICE>_METRICS_PORT`, an API on
`CRM_<SERVICE>_API_METRICS_PORT`, the process of live windows on `CRM_CALLCENTER_STREAMS_METRICS_PORT`, in the format of
Prometheus; `/healthz` and `/readyz` are there, too. These ports are for the inside: what is measured says how much a
company does, and who is refused. No label holds what a person chose.

`…_oldest_seconds` is how long the oldest of what waits has waited, 0 when nothing waits. `…_timestamp_seconds` is when
something was last so. Several workers of one service measure the same tables: take the greatest. Of the lag each knows
its own partitions: add them up. Besides these each process shows Prometheus' own metrics of a process.
"""

FAULT_POINTS = """\
# Fault points

Made from the code by `make docs`. Every commit, send and acknowledgement on the way from a request to its last effect
goes through one of these (`shared/edge/faults.py`), so that a test can make a process fail there.
`CRM_FAULT=relay.send=crash-after@3` strikes at the third passing. The modes are
"""


def settings_page() -> str:
    rows = [
        _setting(name, field)
        for name, field in settings.Settings.model_fields.items()
        if name != "service"  # which is said by the command
    ]
    others = [(f"`{name}`", markdown(meaning)) for name, meaning in OTHERS.items()]
    return "\n".join(
        [
            SETTINGS,
            table(("variable", "default", "meaning"), rows),
            "",
            "## Of the console",
            "",
            "`python -m deploy.console` shows the whole system and keeps nothing: no database, no Kafka, no key.",
            "",
            table(("variable", "meaning"), [(f"`{name}`", markdown(text)) for name, text in CONSOLE.items()]),
            "",
            "## On this machine and in tests",
            "",
            table(("variable", "meaning"), others),
            "",
        ]
    )


def _setting(name: str, field: Any) -> tuple[str, str, str]:
    variable, _, meaning = field.description.partition(": ")
    return f"`{variable.replace('{S}', '<SERVICE>')}`", _default(field), markdown(meaning or name.replace("_", " "))


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    value = None if field.default is PydanticUndefined else field.default
    return f"`{value}`" if value not in (None, "") else ""


def metrics_page() -> str:
    rows = []
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            described = next(iter(metric.describe()))
            suffix = "_total" if described.type == "counter" else ""
            labels = ", ".join(f"`{label}`" for label in metric._labelnames)
            rows.append((f"`{described.name}{suffix}`", described.type, labels, markdown(described.documentation)))
    return "\n".join([METRICS, table(("metric", "kind", "labels", "meaning"), sorted(rows)), ""])


def fault_points_page() -> str:
    rows = [(f"`{point}`", markdown(meaning)) for point, meaning in faults.POINTS.items()]
    modes = ", ".join(f"`{mode}`" for mode in faults.MODES)
    return "\n".join([f"{FAULT_POINTS}{modes}.", "", table(("point", "what happens there"), rows), ""])


def makefile_targets(makefile: Path) -> list[tuple[str, str]]:
    """Target and meaning of each line that `make help` shows."""
    found = []
    for line in makefile.read_text(encoding="utf-8").splitlines():
        target, colon, rest = line.partition(":")
        if colon and "## " in rest and target.replace("-", "_").isidentifier():
            found.append((target, rest.partition("## ")[2]))
    return found
