"""What the audit of libraries says, and that the list of parts names them all."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from deploy.supply import __main__ as supply
from deploy.supply.findings import Unreadable, read


def library(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "version": "1.0", "vulns": [], **more}


def report(*libraries: dict[str, Any]) -> str:
    return json.dumps({"dependencies": libraries, "fixes": []})


def test_a_weakness_is_named_with_the_release_that_mends_it() -> None:
    found = read(report(library("sound"), library("weak", vulns=[{"id": "CVE-1", "fix_versions": ["1.1"]}])))
    assert found.weak == ("weak 1.0: CVE-1, mended in 1.1",)
    assert found.lines() == ["weak 1.0: CVE-1, mended in 1.1"]


def test_what_nothing_is_known_of_is_said_and_isn_t_called_sound() -> None:
    unknown = {"name": "new", "version": "1.0", "skip_reason": "not found"}
    assert read(report(library("sound"), unknown)).lines() == [
        "No known weakness in 1 libraries.",
        "Nothing is known of: new",
    ]
    assert "No data" in read(report(unknown)).lines()[0]


def test_no_answer_is_not_a_good_answer() -> None:
    with pytest.raises(Unreadable):
        read("connection refused")


def test_the_list_of_parts_names_every_pinned_library(tmp_path: Path) -> None:
    assert supply.sbom(tmp_path / "sbom.json") == 0
    listed = json.loads((tmp_path / "sbom.json").read_text())
    assert listed["bomFormat"] == "CycloneDX"
    pinned = set(re.findall(r"^([a-z0-9.-]+)(?:\[[^]]*\])?==", supply.RUN.read_text(), flags=re.MULTILINE))
    assert {part["name"].lower() for part in listed["components"]} >= pinned
