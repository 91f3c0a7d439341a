"""What compose is told: it is of compose's form, holds no secret, and starts one block without the others."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy import blocks
from deploy.compose import checks
from deploy.compose.__main__ import write
from deploy.compose.model import environment_file
from deploy.console.settings import load as console_settings
from deploy.kafka.acls import SERVICES
from deploy.local import layout
from shared.edge.settings import load


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("compose")
    write(made)
    return made


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    return yaml.safe_load((folder / "compose.yaml").read_text())


def test_it_is_of_composes_form_and_can_be_read(folder: Path) -> None:
    assert checks.problems(folder / "compose.yaml") == []


def test_what_is_no_compose_file_is_named(model: Any) -> None:
    broken = model | {"services": {"sync-api": {"imgae": "crm/sync", "command": 1}}}
    assert any("imgae" in problem for problem in checks.schema_problems(broken))


def test_no_secret_stands_in_it(folder: Path) -> None:
    text = (folder / "compose.yaml").read_text()
    secrets = [path.read_text() for path in (folder / "secrets").iterdir() if path.stat().st_size]
    assert len(secrets) > len(layout.services()) * 4
    assert [secret for secret in secrets if secret in text] == []
    assert stat.S_IMODE((folder / "secrets").stat().st_mode) == 0o700


def test_what_was_made_once_stays(folder: Path) -> None:
    before = {path.name: path.read_text() for path in (folder / "secrets").iterdir()}
    (folder / ".env").write_text("CRM_TOKEN_ISSUER=https://issuer.example\n")
    write(folder)
    assert {path.name: path.read_text() for path in (folder / "secrets").iterdir()} == before
    assert (folder / ".env").read_text() == "CRM_TOKEN_ISSUER=https://issuer.example\n"


@pytest.mark.parametrize("service", layout.services())
def test_a_block_starts_without_the_others(model: Any, service: str) -> None:
    started = {name: part for name, part in model["services"].items() if service in part.get("profiles", (service,))}
    wanted = {process.name for process in [blocks.migration(service), *blocks.processes(service)]}
    assert {name for name in started if name.startswith(service)} == wanted
    assert not any(name.startswith(tuple(set(SERVICES) - {service})) for name in started)
    assert {each for part in started.values() for each in part.get("depends_on", ())} <= set(started)


@pytest.mark.parametrize("service", layout.services())
def test_each_process_is_told_all_that_it_needs_and_no_other_role(model: Any, folder: Path, service: str) -> None:
    for process in [blocks.migration(service), *blocks.processes(service)]:
        part = model["services"][process.name]
        told = {name: value.replace("/run/secrets", str(folder / "secrets")) for name, value in _set(part).items()}
        settings = load(service, told | {"CRM_TOKEN_ISSUER": "https://issuer.example"})
        assert f"//{blocks.login(service, process.role)}:" in settings.database_url
        assert {Path(value).name for value in _set(part).values() if value.startswith("/run/")} == set(part["secrets"])


def test_the_console_asks_every_process_and_knows_no_password(model: Any, folder: Path) -> None:
    part = model["services"]["console"]
    given = dict(line.split("=", 1) for line in environment_file().splitlines() if not line.startswith("#"))
    told = {name: given.get(name, value) for name, value in part["environment"].items()}
    told[f"{blocks.CONSOLE_SETTING}_FILE"] = str(folder / "secrets" / "console-client-secret")
    settings = console_settings(told | {"CRM_TOKEN_ISSUER": "https://issuer.example"})
    assert len(settings.targets) == sum(len(layout.processes(service)) for service in layout.services())
    assert part["secrets"] == ["console-client-secret"]


def _set(part: Any) -> dict[str, str]:
    return {name: value for name, value in part["environment"].items() if "$" not in value}


def test_all_processes_are_hardened_and_limited(model: Any) -> None:
    for name, part in model["services"].items():
        if part["image"].startswith("crm/"):
            assert part["read_only"], name
            assert part["cap_drop"] == ["ALL"], name
            assert part["security_opt"] == ["no-new-privileges:true"], name
        if not name.endswith(("-setup", "-migrate")):
            assert part["deploy"]["resources"]["limits"]["memory"], name


def test_only_apis_are_published_and_to_this_machine_alone(model: Any) -> None:
    published = {name: port for name, part in model["services"].items() for port in part.get("ports", ())}
    assert set(published) == {"console", *(f"{service}-api" for service in layout.services())}
    assert all(port.startswith("127.0.0.1:") for port in published.values())
