"""What the platform says when it refuses is a marked text, so that it is there in every language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from shared.edge.language import LANGUAGES, catalog

ROOT = Path(__file__).parents[2]
CODE = sorted([*ROOT.glob("shared/**/*.py"), *ROOT.glob("services/**/*.py"), *ROOT.glob("deploy/console/*.py")])
SAYING, MARK = "Saying", "N_"
IN_ENGLISH = {
    "shared/pipeline/admin.py": "commands on the server: what they say is read beside logs, which are in English",
    "shared/events/schemas.py": "a command of developers, with an error of its own",
}
"""Files whose refusals nobody meets on a page or over HTTP, and why. All other errors that aren't a ``Saying``
(settings, a log that is ahead, a parked event's reason …) are for logs and for operators."""
CODE_WORD = re.compile(r"[a-z_]+")
PLACE = re.compile(r"%\((\w+)\)s")
NOT_IN_THE_TEXT = {"seconds"}
"""What refusals are told besides the values of their text."""


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def kinds() -> frozenset[str]:
    """The names of all errors that people read."""
    classes = [node for path in CODE for node in ast.walk(parsed(path)) if isinstance(node, ast.ClassDef)]
    found = {SAYING}
    while more := {one.name for one in classes if found & set(map(_name, one.bases))} - found:
        found |= more
    return frozenset(found - {SAYING})


def refusals() -> Iterator[tuple[str, ast.Call]]:
    """Where an error is made that people read: file and line, and the call."""
    for path in CODE:
        file = str(path.relative_to(ROOT))
        if file in IN_ENGLISH:
            continue
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and _name(node.func) in kinds():
                yield f"{file}:{node.lineno}", node


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _is_marked(node: ast.expr) -> bool:
    """A text in ``N_``; or a name, of another error or of a text: what it is given is looked at where that is."""
    if isinstance(node, ast.IfExp):
        return _is_marked(node.body) and _is_marked(node.orelse)
    is_mark = isinstance(node, ast.Call) and _name(node.func) == MARK
    return is_mark or isinstance(node, ast.Name | ast.Attribute)


def _is_raw(node: ast.expr) -> bool:
    """A text put together, or one that isn't marked. Codes of one word are no texts."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and not CODE_WORD.fullmatch(node.value)
    if isinstance(node, ast.IfExp):
        return _is_raw(node.body) or _is_raw(node.orelse)
    if isinstance(node, ast.BinOp):
        return any(map(_is_raw, (node.left, node.right)))
    is_put_together = isinstance(node, ast.Call) and _name(node.func) in ("str", "join", "format", "strip")
    return is_put_together or isinstance(node, ast.JoinedStr)


def test_a_refusal_is_told_in_a_marked_text() -> None:
    found = dict(refusals())
    assert len(found) > 200
    assert [at for at, call in found.items() if any(map(_is_raw, call.args))] == []
    assert [at for at, call in found.items() if not any(map(_is_marked, call.args))] == []


def test_a_name_by_which_a_refusal_is_told_stands_for_a_marked_text() -> None:
    found = []
    for path in CODE:
        for function in (node for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef)):
            within = list(ast.walk(function))
            raw = {_name(one.targets[0]) for one in within if isinstance(one, ast.Assign) and _is_raw(one.value)}
            calls = [one for one in within if isinstance(one, ast.Call) and _name(one.func) in kinds()]
            told = {_name(text) for call in calls for text in call.args if isinstance(text, ast.Name)}
            found += [f"{path.relative_to(ROOT)}: {name}" for name in told & raw]
    assert found == []


def test_a_refusal_has_the_values_of_its_text() -> None:
    wrong = []
    for at, call in refusals():
        given = {word.arg for word in call.keywords} - NOT_IN_THE_TEXT
        for text in call.args:
            if isinstance(text, ast.Call) and _name(text.func) == MARK:
                places = set(PLACE.findall(ast.literal_eval(text.args[0])))
                wrong += [at] if places != given else []
    assert wrong == []


@cache
def marks() -> dict[str, ast.expr]:
    """What is marked: file and line, and the text."""
    return {
        f"{path.relative_to(ROOT)}:{node.lineno}:{node.col_offset}": node.args[0]
        for path in CODE
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and _name(node.func) == MARK
    }


def test_what_is_marked_is_a_text_as_it_stands() -> None:
    assert [at for at, text in marks().items() if not isinstance(text, ast.Constant)] == []


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_no_marked_text_lacks_a_translation(language: str) -> None:
    there = catalog(language).texts
    marked = {ast.literal_eval(text) for text in marks().values()}
    assert sorted(text for text in marked if not there.get(text)) == []
