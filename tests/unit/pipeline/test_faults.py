"""A fault point fails as it was told to, once, at the hit that was named, and otherwise isn't there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.edge import faults
from shared.edge.faults import CRASHED, FaultRaised

POINT = "relay.flush"


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    faults.disarm()
    yield
    faults.disarm()


@pytest.fixture
def done() -> list[str]:
    return []


def pass_by(done: list[str]) -> str:
    def action() -> str:
        done.append("done")
        return f"result {len(done)}"

    return faults.at(POINT, action)


def test_with_nothing_armed_the_action_is_done(done: list[str]) -> None:
    assert pass_by(done) == "result 1"
    assert faults.struck == []


def test_another_point_s_fault_doesn_t_strike_here(done: list[str]) -> None:
    faults.arm("relay.send", "raise-before")
    assert pass_by(done) == "result 1"


@pytest.mark.parametrize(("mode", "doings"), [("raise-before", 0), ("raise-after", 1)])
def test_it_raises_before_or_after_the_action(mode: str, doings: int, done: list[str]) -> None:
    faults.arm(POINT, mode)
    with pytest.raises(FaultRaised, match=POINT):
        pass_by(done)
    assert len(done) == doings
    assert faults.struck == [POINT]


def test_it_repeats_the_action_and_gives_the_last_result(done: list[str]) -> None:
    faults.arm(POINT, "repeat")
    assert pass_by(done) == "result 2"


def test_it_delays(done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("shared.edge.faults.time.sleep", waited.append)
    faults.arm(POINT, "delay")
    assert pass_by(done) == "result 1"
    assert waited == [faults.DELAY_SECONDS]


def test_it_strikes_once_at_the_hit_that_was_named(done: list[str]) -> None:
    faults.arm_from_environment(f"{POINT}=raise-before@3")
    pass_by(done)
    pass_by(done)
    with pytest.raises(FaultRaised):
        pass_by(done)
    pass_by(done)
    assert len(done) == 3


@pytest.mark.parametrize("entry", ["relay.nowhere=delay", f"{POINT}=explode", POINT])
def test_a_point_or_mode_that_doesn_t_exist_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="no fault point"):
        faults.arm_from_environment(entry)


@pytest.mark.parametrize("value", [None, "", ","])
def test_nothing_is_armed_by_an_empty_environment(value: str | None, done: list[str]) -> None:
    faults.arm_from_environment(value)
    assert pass_by(done) == "result 1"


@pytest.mark.parametrize(("mode", "printed"), [("crash-before", ""), ("crash-after", "done\n")])
def test_it_ends_the_process_at_once_and_leaves_a_note(mode: str, printed: str, tmp_path: Path) -> None:
    program = f"""
import os
from shared.edge import faults
faults.arm_from_environment(os.environ["CRM_FAULT"])
try:
    faults.at({POINT!r}, lambda: print("done", flush=True))
finally:
    print("cleaned up", flush=True)
"""
    note = tmp_path / "faults"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={"CRM_FAULT": f"{POINT}={mode}", "CRM_FAULT_LOG": str(note), "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout) == (CRASHED, printed)
    assert note.read_text() == f"{POINT}={mode}\n"
