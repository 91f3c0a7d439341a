"""The generated pages say what the code says, and leave nothing out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from schemathesis import openapi
from schemathesis.core.result import Ok

from deploy.docs import __main__ as docs
from deploy.docs import asyncapi, commands, events, plots, reference, services
from deploy.docs.examples import EXAMPLES
from deploy.local.layout import SERVER_PORTS
from shared.edge import faults, settings
from shared.events import schemas
from shared.events.catalogue import FACT_TYPES, PUBLISHERS
from shared.pipeline.topics import EVENTS
from tests.contract import corpus

ROOT = services.ROOT
ASYNCAPI = asyncapi.document()


@pytest.mark.parametrize("name", docs.pages())
def test_it_is_up_to_date(name: str) -> None:
    assert (docs.FOLDER / name).read_text(encoding="utf-8") == docs.pages()[name](), "run `make docs`"


def test_plots_show_what_is_kept() -> None:
    assert [name for name, svg in docs.pictures().items() if not plots.shows_the_same(docs.FOLDER / name, svg)] == []


def test_making_a_page_again_gives_the_same() -> None:
    assert {name: make() for name, make in docs.pages().items()} == {n: make() for n, make in docs.pages().items()}


def test_no_generated_page_is_left_from_what_is_gone() -> None:
    there = {path.relative_to(docs.FOLDER).as_posix() for path in docs.FOLDER.glob("openapi/*.json")}
    assert there <= set(docs.pages())


def test_pages_name_no_machine() -> None:
    for make in docs.pages().values():
        assert str(ROOT) not in make()


@pytest.mark.parametrize("name", sorted(FACT_TYPES))
def test_an_event_has_a_meaning_an_example_and_its_fields(name: str) -> None:
    fact_type = FACT_TYPES[name]
    section = events.page().partition(f"### {name}\n")[2].partition("\n### ")[0]
    assert fact_type.record.__doc__
    assert fact_type.record.__doc__.split(".")[0] in section
    assert type(EXAMPLES[name]) is fact_type.record
    for field in fact_type.record.__struct_fields__:
        assert f"| `{field}` |" in section
    assert events.publishers(fact_type)


def test_every_attribute_of_the_envelope_has_a_meaning() -> None:
    assert set(events.ATTRIBUTES) == set(schemas.envelope_schema()["properties"])


def test_every_variable_in_the_code_is_described() -> None:
    page = reference.settings_page()
    known = set(re.findall(r"`(CRM_[A-Z_]+)", page.replace("<SERVICE>", "SERVICE")))
    missing = [name for name in variables_in_code() if name not in known and not is_known_family(name)]
    assert missing == []


def variables_in_code() -> list[str]:
    found: set[str] = set()
    for folder in ("shared", "services", "deploy", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            found |= set(re.findall(r"\bCRM_[A-Z][A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8")))
    return sorted(found)


def is_known_family(name: str) -> bool:
    """Those that are made of a prefix and a service's or a server's name."""
    ports = ("PORT", "METRICS_PORT", "API_METRICS_PORT", "STREAMS_METRICS_PORT")
    parts = ("DATABASE_URL", *ports, "URL", "CLIENT_ID", "CLIENT_SECRET")
    of_services = {f"CRM_{s.upper()}_{part}" for s in settings.SERVICES for part in parts}
    name = name.removesuffix("_FILE")
    if name in of_services or name == "CRM_KEY_ENCRYPTION_KEYS":
        return True
    own_kafka = tuple(f"CRM_{s.upper()}_KAFKA_" for s in settings.SERVICES)
    return name.startswith((settings.KAFKA_PREFIX, *own_kafka)) or name == settings.KAFKA_PREFIX.rstrip("_")


def test_the_ports_of_the_embedded_servers_are_described() -> None:
    assert {f"CRM_LOCAL_{server.upper()}_PORT" for server in SERVER_PORTS} <= set(reference.OTHERS)


def test_every_setting_has_its_variable_in_the_page() -> None:
    page = reference.settings_page().replace("<SERVICE>", "SYNC")
    for name in settings.Settings.model_fields.keys() - {"service", "kafka", "urls"}:
        assert f"`{settings.variable(name, 'sync')}`" in page


def test_every_metric_in_the_code_is_in_the_page() -> None:
    source = (ROOT / "shared/edge/metrics.py").read_text(encoding="utf-8")
    names = re.findall(r'"(crm_[a-z_]+)"', source)
    assert names
    for name in names:
        assert f"| `{name}` |" in reference.metrics_page()


def test_every_fault_point_and_mode_is_in_the_page() -> None:
    page = reference.fault_points_page()
    assert all(f"`{name}`" in page for name in (*faults.POINTS, *faults.MODES))


def test_every_command_of_a_parser_is_in_the_page(tmp_path: Path) -> None:
    page = commands.page()
    assert "| `make test` |" in page
    assert "| `token subject` |" in page
    assert all(f"## python -m services.{service}\n" in page for service in services.names())
    makefile = tmp_path / "Makefile"
    makefile.write_text("a: b ## Do it\n\t@c\nhidden: d\nX := y ## no\n", encoding="utf-8")
    assert reference.makefile_targets(makefile) == [("a", "Do it")]


def references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [each for part in node for each in references(part)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
    return own + [each for part in node.values() for each in references(part)]


def resolved(reference: str) -> Any:
    node: Any = ASYNCAPI
    for step in reference.removeprefix("#/").split("/"):
        node = node[step]
    return node


def test_every_reference_of_asyncapi_leads_somewhere() -> None:
    found = references(ASYNCAPI)
    assert len(found) > len(FACT_TYPES)
    for each in found:
        assert isinstance(resolved(each), dict), each


def test_asyncapi_has_every_topic_type_and_direction() -> None:
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= ASYNCAPI["info"].keys()
    for source in PUBLISHERS:
        assert ASYNCAPI["channels"][f"{source}.events"]["address"] == source + EVENTS
        assert ASYNCAPI["operations"][f"{source}.publish"]["action"] == "send"
    assert {*FACT_TYPES, asyncapi.KEY_MESSAGE} == set(ASYNCAPI["components"]["messages"])
    for service in services.names():
        for source in services.subscriptions(service).sources:
            assert source not in PUBLISHERS or f"{service}.hear_{source}" in ASYNCAPI["operations"]


def test_operations_speak_only_of_messages_of_their_channel() -> None:
    for operation in ASYNCAPI["operations"].values():
        assert operation["action"] in ("send", "receive")
        channel = operation["channel"]["$ref"]
        assert all(each["$ref"].startswith(f"{channel}/messages/") for each in operation["messages"])


@pytest.mark.parametrize("source", corpus.sources())
def test_what_was_published_is_as_asyncapi_says(source: str) -> None:
    for line in corpus.lines(source):
        event = json.loads(line)
        message = resolved(ASYNCAPI["channels"][f"{source}.events"]["messages"][event["type"]]["$ref"])
        schema = {**message["payload"], "components": ASYNCAPI["components"]}
        jsonschema_rs.validate(schema, event, validate_formats=True)
        with pytest.raises(jsonschema_rs.ValidationError):
            jsonschema_rs.validate(schema, {**event, "type": "contact.sneezed"})


@pytest.mark.parametrize("service", services.names())
def test_openapi_is_valid_and_has_every_route_of_the_api(service: str) -> None:
    app = services.app(service)
    document = json.loads((docs.FOLDER / f"openapi/{service}.json").read_text(encoding="utf-8"))
    found = openapi.from_dict(document)
    found.validate()
    operations = [each.ok() for each in found.get_all_operations() if isinstance(each, Ok)]
    assert {(each.method.upper(), each.path) for each in operations} == {
        (method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods
    }
    assert operations


WRITTEN = [ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
DECISIONS = sorted((ROOT / "docs/adr").glob("*.md"))


@pytest.mark.parametrize("page", WRITTEN, ids=lambda path: path.name)
def test_what_a_page_names_in_this_checkout_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    files = re.findall(r"`((?:shared|services|deploy|tests|docs|requirements)/[\w./-]+)`", text)
    assert [link for link in links if not (page.parent / link).exists()] == []
    assert [file for file in files if not (ROOT / file).exists()] == []


@pytest.mark.parametrize("page", DECISIONS, ids=lambda path: path.name)
def test_a_decision_is_one_page_of_context_decision_and_consequences(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    number, _ = page.name.split("-", 1)
    assert lines[0].startswith(f"# {int(number)}. ")
    assert [line for line in lines if line.startswith("## ")] == ["## Context", "## Decision", "## Consequences"]
    assert len(lines) <= 50


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))
