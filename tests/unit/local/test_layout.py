"""Where a local run keeps things and listens."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from deploy.local import layout
from deploy.local.backing import Backing
from deploy.local.environment import common, of_service, service_url
from deploy.local.layout import Layout
from deploy.local.problems import Problem
from deploy.local.run import present
from deploy.local.tokens import ACTORS
from shared.pipeline.main import Block, parser


def test_everything_is_in_the_checkout_unless_another_folder_is_named() -> None:
    assert Layout.from_environment({}).state == layout.ROOT / ".local"
    assert Layout.from_environment({"CRM_LOCAL_DIR": "/elsewhere"}).state == Path("/elsewhere")


def test_no_port_variable_is_taken_for_a_setting_of_the_kafka_client() -> None:
    names = [layout.port_variable(part) for part in (*layout.SERVER_PORTS, *layout.SERVICE_PORTS)]
    assert not [name for name in names if name.startswith("CRM_KAFKA_")]
    assert "CRM_CALLCENTER_PORT" in names


@pytest.mark.parametrize("text", ["0", "65536", "http", "-1"])
def test_a_port_must_be_one(text: str) -> None:
    with pytest.raises(Problem, match="CRM_SYNC_PORT is"):
        layout.port_of("sync", {"CRM_SYNC_PORT": text})


def test_named_servers_are_used_in_place_of_embedded_ones(tmp_path: Path) -> None:
    place = Layout(tmp_path)
    environ = {
        "CRM_KAFKA_BOOTSTRAP_SERVERS": "broker:9092",
        "CRM_SYNC_DATABASE_URL": "postgresql+psycopg://theirs/db",
    }
    backing = Backing(place, ["sync"], environ)
    assert backing.embedded == []
    told = of_service(place, backing, "sync", environ=environ)
    assert told["CRM_KAFKA_BOOTSTRAP_SERVERS"] == "broker:9092"
    assert told["CRM_SYNC_DATABASE_URL"] == "postgresql+psycopg://theirs/db"


def test_a_database_that_is_not_named_is_embedded(tmp_path: Path) -> None:
    environ = {
        "CRM_KAFKA_BOOTSTRAP_SERVERS": "broker:9092",
        "CRM_SYNC_DATABASE_URL": "postgresql+psycopg://theirs/db",
    }
    backing = Backing(Layout(tmp_path), ["callcenter", "sync"], environ)
    assert [server.name for server in backing.embedded] == ["postgres"]
    assert backing.database_url("sync") == "postgresql+psycopg://theirs/db"
    assert backing.database_url("callcenter").startswith("postgresql+psycopg://callcenter:")


def test_a_service_is_told_its_own_database_only(tmp_path: Path) -> None:
    place = Layout(tmp_path)
    backing = Backing(place, ["callcenter", "sync"], {})
    told = of_service(place, backing, "callcenter", environ={})
    assert [name for name in told if name.endswith("DATABASE_URL")] == ["CRM_CALLCENTER_DATABASE_URL"]
    assert told["CRM_CALLCENTER_URL"] == "http://127.0.0.1:8101"
    assert told["CRM_SYNC_URL"] == "http://127.0.0.1:8104"


def test_the_users_own_environment_comes_first(tmp_path: Path) -> None:
    place = Layout(tmp_path)
    environ = {"CRM_DEFAULT_REGION": "DE", "CRM_SYNC_PORT": "9000", "CRM_SYNC_URL": "https://sync.example"}
    told = common(place, Backing(place, ["sync"], {}), environ)
    assert told["CRM_DEFAULT_REGION"] == "DE"
    assert told["CRM_SYNC_PORT"] == "9000"
    assert service_url("sync", environ) == "https://sync.example"


def test_the_key_encryption_key_stays_the_same(tmp_path: Path) -> None:
    place = Layout(tmp_path)
    backing = Backing(place, ["sync"], {})
    first, second = (common(place, backing, {})["CRM_KEY_ENCRYPTION_KEYS"] for _ in range(2))
    assert first == second
    assert first.startswith("k1:")
    assert (place.secrets / "key-encryption-keys").stat().st_mode & 0o777 == 0o600
    assert place.secrets.stat().st_mode & 0o777 == 0o700


def test_a_service_says_of_which_processes_it_consists(monkeypatch: pytest.MonkeyPatch) -> None:
    package = ModuleType("services.example")
    monkeypatch.setitem(sys.modules, "services.example", package)
    assert layout.processes("example") == ("api", "worker")
    monkeypatch.setattr(package, "PROCESSES", ("api", "worker", "streams"), raising=False)
    assert layout.processes("example") == ("api", "worker", "streams")


@pytest.mark.parametrize("service", layout.services())
def test_every_process_of_a_service_is_one_of_its_commands(service: str) -> None:
    block: Block = pytest.importorskip(f"services.{service}.wiring").BLOCK
    for process in layout.processes(service):
        assert parser(block).parse_args([process]).command == process


def test_everybody_is_shown_the_way_to_a_service_that_is_there() -> None:
    assert {one.subject for one in present(["callcenter"]) if not one.is_machine} == {"ada", "anna", "bruno", "sofia"}
    assert present(layout.SERVICE_PORTS) == list(ACTORS)
    assert {"marta": "marketing", "samuel": "sfa", "rosa": "sfa", "ramon": "sfa", "omar": "sync"}.items() <= {
        one.subject: one.home for one in ACTORS
    }.items()
