"""The golden schemas are those of the code, and nothing that was published can be changed in them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared.events import schemas
from shared.events.catalogue import FACT_TYPES
from shared.events.compatibility import compatible
from shared.events.facts import FactType
from shared.events.upcasters import UPCASTERS

TYPES = sorted(FACT_TYPES.values(), key=lambda each: each.name)


def name_of(fact_type: FactType) -> str:
    return f"{fact_type.name}.{fact_type.version}.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in which today's schemas were published."""
    schemas.write(tmp_path)
    return tmp_path


def test_the_golden_files_are_what_the_code_has() -> None:
    assert schemas.differing() == [], "run `make docs`"
    assert schemas.problems(schemas.published(), schemas.schemas()) == []


def test_writing_twice_changes_nothing(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert schemas.write(folder) == []
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("fact_type", TYPES, ids=lambda each: each.name)
def test_every_personal_field_is_marked(fact_type: FactType) -> None:
    """The marks stand exactly where the pipeline seals."""
    schema = schemas.data_schema(fact_type)
    assert sorted(marked(schema, schema, ())) == sorted(fact_type.personal)


def marked(node: Any, root: Any, path: tuple[str, ...]) -> list[tuple[str, ...]]:
    if "$ref" in node:
        node = root["$defs"][node["$ref"].removeprefix("#/$defs/")]
    found = [path] if node.get("x-personal") else []
    for name, each in node.get("properties", {}).items():
        found += marked(each, root, (*path, name))
    for keyword in ("items", "additionalProperties"):
        if keyword in node:
            found += marked(node[keyword], root, (*path, "*"))
    return found


PERSONAL = [each for each in TYPES if each.personal]


@pytest.mark.parametrize("fact_type", PERSONAL, ids=lambda each: each.name)
def test_a_personal_mark_cant_be_taken_off(fact_type: FactType, folder: Path) -> None:
    bare = json.loads(schemas.render(schemas.data_schema(fact_type)), object_hook=without_mark)
    with pytest.raises(schemas.Refused, match="x-personal was taken off"):
        schemas.write(folder, schemas.schemas() | {name_of(fact_type): bare})


def without_mark(node: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key != "x-personal"}


@pytest.mark.parametrize("fact_type", TYPES, ids=lambda each: each.name)
def test_no_field_of_a_published_type_can_go(fact_type: FactType, folder: Path) -> None:
    full = schemas.data_schema(fact_type)
    for record in full["$defs"]:
        for field in full["$defs"][record]["properties"]:
            less = copy.deepcopy(full)
            del less["$defs"][record]["properties"][field]
            with pytest.raises(schemas.Refused, match=f"{field}: the field is gone"):
                schemas.write(folder, schemas.schemas() | {name_of(fact_type): less})


def test_a_refused_change_leaves_every_file_as_it_was(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    today = copy.deepcopy(schemas.schemas())
    today["contact.ended.1.json"]["$defs"]["ContactEnded"]["properties"]["contact"] = {"type": "integer"}
    today["contact.answered.1.json"]["$defs"]["ContactAnswered"]["properties"]["new"] = {"type": "string"}
    with pytest.raises(schemas.Refused, match="new event type, or a new version with an upcaster"):
        schemas.write(folder, today)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_an_optional_field_can_be_added(folder: Path) -> None:
    today = copy.deepcopy(schemas.schemas())
    today["contact.ended.1.json"]["$defs"]["ContactEnded"]["properties"]["new"] = {"type": "string", "default": ""}
    assert schemas.write(folder, today) == ["contact.ended.1.json"]
    assert schemas.published(folder) == today


def test_a_published_type_stays_in_the_code(folder: Path) -> None:
    (folder / "contact.sneezed.1.json").write_text("{}", encoding="utf-8")
    with pytest.raises(schemas.Refused, match=r"contact.sneezed.1.json: was published"):
        schemas.write(folder)


def test_a_former_version_needs_an_upcaster(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = FACT_TYPES["contact.ended"]
    new = FactType(old.name, old.record, old.stream, old.about, 2, old.personal)
    monkeypatch.setitem(FACT_TYPES, old.name, new)
    with pytest.raises(schemas.Refused, match="no upcaster from version 1 to 2"):
        schemas.write(folder)
    monkeypatch.setitem(UPCASTERS, (old.name, 1), dict)
    assert schemas.write(folder) == ["contact.ended.2.json"]


def test_instants_are_told_from_text() -> None:
    class WithText(msgspec.Struct, kw_only=True):
        at: str
        perhaps: str | None = None
        many: tuple[str, ...] = ()

    text = schemas.schema_of(WithText)
    for field in ("at", "perhaps", "many"):
        changed = json.loads(json.dumps(text))
        mark = changed["$defs"]["WithText"]["properties"][field]
        mark.get("items", mark.get("anyOf", [mark])[0])["format"] = "date-time"
        assert compatible(text, changed) != []
    claim = schemas.data_schema(FACT_TYPES["customer.edited"])["$defs"]["ClaimMade"]["properties"]
    assert claim["made"] == {"type": "string", "format": "date-time"}
    case = schemas.data_schema(FACT_TYPES["case.opened"])["$defs"]["CaseOpened"]["properties"]
    assert case["requested"]["format"] == "date-time"
    assert case["reason"] == {"type": "string"}


def test_the_envelope_has_every_attribute_that_is_sent() -> None:
    properties = schemas.envelope_schema()["properties"]
    assert {"specversion", "id", "source", "type", "subject", "time", "data", "sequence", "history"} <= set(properties)
    assert "digits" not in properties
    assert properties["time"]["format"] == "date-time"


def test_the_check_names_what_differs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert schemas.main(["--check"]) == 0
    (folder / "contact.ended.1.json").unlink()
    assert schemas.differing(folder) == ["contact.ended.1.json"]
    monkeypatch.setattr(schemas, "differing", lambda: ["contact.ended.1.json"])
    assert schemas.main(["--check"]) == 1
    assert "differs: shared/events/schemas/contact.ended.1.json" in capsys.readouterr().out
