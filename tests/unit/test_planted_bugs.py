"""Each bug that is planted still has the place where it is planted, and the tests that are to find it."""

from __future__ import annotations

import pytest

from deploy.local.layout import ROOT
from tests.faults.bugs import Bug
from tests.faults.planted_bugs import ALL, patched


@pytest.mark.parametrize("bug", ALL, ids=[bug.name for bug in ALL])
def test_it_can_be_planted(bug: Bug) -> None:
    texts: dict[str, str] = {}
    for edit in bug.edits:
        before = texts.get(edit.path) or (ROOT / edit.path).read_text(encoding="utf-8")
        texts[edit.path] = patched(before, edit.old, edit.new)
    for test in bug.tests:
        path, _, name = test.partition("::")
        assert f"def {name.partition('[')[0]}" in (ROOT / path).read_text(encoding="utf-8")


def test_no_two_have_one_name() -> None:
    assert len({bug.name for bug in ALL}) == len(ALL)
